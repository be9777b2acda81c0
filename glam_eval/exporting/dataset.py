"""A study as a data set of the Hugging Face hub: a configuration a table, a card, Croissant's metadata.

Tables lie as ``compact`` lays them, so that the data set is a results directory, too.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import DatasetCardData

from glam_eval.core.files import write_text_atomically
from glam_eval.exporting.cards import filled
from glam_eval.exporting.croissant import CROISSANT_FILE, croissant
from glam_eval.exporting.tables import TableFile, write_as_file
from glam_eval.exporting.told import Told
from glam_eval.report.findings import findings
from glam_eval.results import table_names

CARD_FILE = "README.md"
SUITE_FILE = "suite.json"
_FIRST = "episodes"  # what `load_dataset` reads where no configuration is named
_TAGS = ("reinforcement-learning", "grounding", "language-models", "babyai", "glam-eval")
# The hub's words for the most rows of a table.
_SIZES = {1e3: "n<1K", 1e4: "1K<n<10K", 1e5: "10K<n<100K", 1e6: "100K<n<1M", 1e7: "1M<n<10M"}


def write_dataset(told: Told, out: Path) -> list[TableFile]:
    """Write a study's tables with their card and metadata into a directory, and return the tables.

    Raises:
        UserError: A table is damaged.
    """
    tables = [write_as_file(told.directory, name, out) for name in table_names(told.directory)]
    suite = told.directory / SUITE_FILE
    if suite.is_file():
        shutil.copyfile(suite, out / SUITE_FILE)
    described = croissant(told, tables)
    text = json.dumps(described, indent=1, ensure_ascii=False)
    write_text_atomically(out / CROISSANT_FILE, f"{text}\n")
    write_text_atomically(out / CARD_FILE, _card(told, tables))
    return tables


def _card(told: Told, tables: Sequence[TableFile]) -> str:
    """Return the card: the hub's metadata, then what was asked, found and stored."""
    configs = [
        {
            "config_name": table.name,
            "data_files": [{"split": "train", "path": table.path}],
            **({"default": True} if table.name == _FIRST else {}),
        }
        for table in tables
    ]
    metadata = DatasetCardData(
        license=told.licence or "unknown",
        pretty_name=told.title,
        language=sorted({str(code) for code in told.study.table("episodes")["language"].unique()}),
        tags=list(_TAGS),
        size_categories=[_size(max(table.rows for table in tables))],
        configs=configs,
    )
    return filled(
        "dataset.md.jinja",
        metadata=metadata.to_yaml(),
        told=told,
        tables=tables,
        findings=[finding.text.striptags() for finding in findings(told.study)],
    )


def _size(rows: int) -> str:
    return next((text for limit, text in _SIZES.items() if rows < limit), "n>10M")
