"""Exact scoring of actions: the prefix tree, tokenising, and one forward pass per model family."""
