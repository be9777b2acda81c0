"""The embedded ladder: what its models are taught before they act, how, and how well they learnt it."""
