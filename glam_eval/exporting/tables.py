"""A table of results as one Parquet file for readers who don't know us: descriptions and units are in it."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from glam_eval.core.files import sha256_of
from glam_eval.core.tables import TABLES
from glam_eval.results import arrow_schema, read_table
from glam_eval.results.files import COMPACT, write_file


@dataclass(frozen=True)
class Column:
    """A column: its name, type, unit and meaning; the last two are empty where nothing is known of them."""

    name: str
    type: pa.DataType
    unit: str
    description: str


@dataclass(frozen=True)
class TableFile:
    """A table of a data set: its file, relative to the data set, and what is in it."""

    name: str
    path: str
    schema: pa.Schema
    rows: int
    bytes: int
    sha256: str

    @property
    def about(self) -> str:
        """What a row is, in a sentence."""
        return (TABLES[self.name].__doc__ or "").strip().splitlines()[0]

    @property
    def columns(self) -> list[Column]:
        """Its columns, in order."""
        return [_column(field) for field in self.schema]


def write_as_file(directory: Path, name: str, out: Path) -> TableFile:
    """Write a table of a results directory as one file of ``out``, and return what was written.

    Columns that the data dictionary knows get its types, descriptions and units; others stay as they are.

    Raises:
        UserError: The table is damaged.
    """
    data = read_table(directory, name)
    declared = arrow_schema(TABLES[name])
    known = {field.name: field for field in declared}
    data = data.cast(pa.schema([known.get(field.name, field) for field in data.schema]))
    path = f"{name}/{name}.parquet"
    write_file(out / path, data, COMPACT)
    size = (out / path).stat().st_size
    return TableFile(name, path, data.schema, data.num_rows, size, sha256_of(out / path))


def _column(field: pa.Field) -> Column:
    told = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
    return Column(field.name, field.type, told.get("unit", ""), told.get("description", ""))
