"""Throughput of the policy engine beside rivals, of environments beside MiniGrid's, of whole agents."""
