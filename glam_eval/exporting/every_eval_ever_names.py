"""What records of Every Eval Ever and their samples must name alike."""

from typing import Any

SCHEMA_VERSION = "0.3.0"
COLLECTION = "babyai-text"  # the folder of the public store that records of this world share
RESULT = ("protocol", "shift", "language", "level")  # what tells the results of a record apart


def result_id(row: dict[str, Any]) -> str:
    """Return the name of a result within its record, by which samples refer to it."""
    return "/".join(str(row[name]) for name in RESULT)
