from pathlib import Path

import pyarrow as pa

from glam_eval.core.records import EpisodeRecord, StepRecord
from glam_eval.core.tables import TABLES
from glam_eval.results import arrow_schema, columns_of, data_dictionary


def test_every_column_of_every_table_is_described():
    for record in TABLES.values():
        for field in arrow_schema(record):
            assert field.metadata[b"description"], (record, field.name)


def test_reserved_words_are_renamed_and_types_follow_the_annotations():
    schema = arrow_schema(EpisodeRecord)
    assert "episode_return" not in schema.names
    assert schema.field("return").type == pa.float64()
    assert schema.field("success").type == pa.bool_()
    assert schema.field("length").metadata[b"unit"] == b"steps"
    assert arrow_schema(StepRecord).field("probabilities").type == pa.list_(pa.float64())


def test_only_times_and_tries_are_volatile():
    volatile = {c.name for record in TABLES.values() for c in columns_of(record) if c.column.volatile}
    assert all(name in ("started", "finished", "tries") or name.startswith("seconds") for name in volatile)


def test_the_shipped_data_dictionary_is_current():
    readme = Path(__file__).parents[2] / "results" / "README.md"
    assert readme.read_text(encoding="utf-8").endswith(f"\n\n{data_dictionary()}")
