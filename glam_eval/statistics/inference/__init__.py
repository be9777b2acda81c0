"""Statistics on arrays: metrics, their bootstrap, intervals, tests; no tables here."""
