"""Worlds of other packages: episodes in words, whose actions may differ from step to step."""
