"""Configuration of a run and of a suite, and the suites that ship."""
