"""Records, seed streams, provenance and errors: what every other package may use."""
