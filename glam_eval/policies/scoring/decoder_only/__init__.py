"""Decoder-only models: all prompts and actions of a batch as one tree, through Hugging Face modules."""
