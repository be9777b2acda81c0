"""The Parquet schema and the data dictionary, both derived from the records' one declaration."""

from dataclasses import dataclass, fields
from functools import cache
from typing import Any, get_args, get_type_hints

import pyarrow as pa

from glam_eval.core.columns import Column
from glam_eval.core.errors import unknown
from glam_eval.core.tables import TABLES

_ARROW_TYPES: dict[Any, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    bytes: pa.binary(),
    list[str]: pa.list_(pa.string()),
    list[float]: pa.list_(pa.float64()),
    list[int]: pa.list_(pa.int64()),
}
_TYPE_NAMES = {str: "text", int: "integer", float: "number", bool: "truth value", bytes: "bytes"}
_TABLE_HEAD = "| column | type | unit | holds |\n|---|---|---|---|\n"
_INTRODUCTION = """# Data dictionary

A study is a folder; each table is a folder of Parquet files in it, so
`pandas.read_parquet("<study>/episodes")` or `glam_eval.load_results("<study>", "episodes")` reads all
of it. A run that goes on stores parts, `<table>/<run_id>/<part>.parquet`; when it ends they become one
file, `<table>/<run_id>.parquet`; when a study ends, or by `glam-eval compact`, each table becomes
`<table>/<table>.parquet`. After a crash, `load_results` still shows every row once. Every file is sealed
by a checksum: what is damaged is an error that names the file.

Columns marked volatile are the only ones that may differ between two runs of one configuration on one
machine; a table made elsewhere may lack those marked optional. This part is generated, by
`glam_eval.results.data_dictionary()`.
"""


@dataclass(frozen=True, slots=True)
class ColumnSchema:
    """One column of a table: the record's attribute, the name on disk, the Python type, the declaration."""

    attribute: str
    name: str
    python_type: Any
    column: Column


def record_type(table: str) -> type:
    """Return the record of a table.

    Raises:
        UserError: No table has that name; the message names the nearest ones.
    """
    if table not in TABLES:
        raise unknown("table", table, TABLES)
    return TABLES[table]


@cache
def columns_of(record: type) -> tuple[ColumnSchema, ...]:
    """Return the columns that a record declares, in order."""
    hints = get_type_hints(record, include_extras=True)
    schema = []
    for field in fields(record):
        python_type, column = get_args(hints[field.name])
        schema.append(ColumnSchema(field.name, column.name or field.name, python_type, column))
    return tuple(schema)


def arrow_schema(record: type) -> pa.Schema:
    """Return the Arrow schema of a record; descriptions and units are the fields' metadata."""
    return pa.schema(
        [
            pa.field(
                column.name,
                _ARROW_TYPES[column.python_type],
                metadata={"description": column.column.description, "unit": column.column.unit},
            )
            for column in columns_of(record)
        ]
    )


def data_dictionary() -> str:
    """Return the data dictionary of all tables as Markdown (``results/README.md`` ends with it)."""
    parts = [_INTRODUCTION]
    for table, record in TABLES.items():
        parts.append(f"\n## {table}\n\n{record.__doc__}\n\n{_TABLE_HEAD}")
        parts.extend(_dictionary_row(column) for column in columns_of(record))
    return "".join(parts)


def _dictionary_row(column: ColumnSchema) -> str:
    inner = get_args(column.python_type)
    kind = f"list of {_TYPE_NAMES[inner[0]]}s" if inner else _TYPE_NAMES[column.python_type]
    marks = [mark for mark in ("volatile", "optional") if getattr(column.column, mark)]
    holds = column.column.description + (f" ({', '.join(marks)})" if marks else "")
    return f"| `{column.name}` | {kind} | {column.column.unit} | {holds.replace('|', chr(92) + '|')} |\n"
