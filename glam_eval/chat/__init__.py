"""Language models that an endpoint serves, as agents: prompted turn by turn, by requests."""
