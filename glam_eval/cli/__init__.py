"""The command line: one file a command; each parses, calls and prints."""

from glam_eval.cli.app import main

__all__ = ["main"]
