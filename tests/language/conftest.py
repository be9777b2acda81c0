"""Sentences are quick to make, but the first of a language reads its data: examples have no deadline."""

from hypothesis import settings

settings.register_profile("language", deadline=None)
settings.load_profile("language")
