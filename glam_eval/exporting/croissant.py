"""Croissant 1.1 metadata (JSON-LD, docs.mlcommons.org/croissant): files, columns, types and meanings."""

import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

import pyarrow as pa

from glam_eval.exporting.tables import Column, TableFile
from glam_eval.exporting.told import Told

CROISSANT_FILE = "croissant.json"
_VERSION = "http://mlcommons.org/croissant/1.1"
_CONTEXT = "croissant_context.json"  # the standard's own, word by word: validators compare it
_TYPES = {
    pa.string(): "sc:Text",
    pa.binary(): "sc:Text",  # it has no type of bytes; readers take texts as bytes
    pa.bool_(): "sc:Boolean",
    pa.int64(): "cr:Int64",
    pa.float64(): "cr:Float64",
}


def croissant(told: Told, tables: Sequence[TableFile]) -> dict[str, Any]:
    """Return the metadata of a study's tables, as ``json`` writes it."""
    described: dict[str, Any] = {
        "@context": json.loads((resources.files("glam_eval.exporting") / _CONTEXT).read_text("utf-8")),
        "@type": "sc:Dataset",
        "conformsTo": _VERSION,
        "name": told.name,
        "description": " ".join(filter(None, (told.title, told.question, told.citation.sentence))),
        "citeAs": told.citation.bibtex,
        "keywords": ["grounding", "language models", "reinforcement learning", "BabyAI"],
        "version": f"1.0.0+{told.citation.results}",
        "isLiveDataset": False,
    }
    runs = told.study.tables.get("runs")
    if runs is not None and not runs.empty:
        described["datePublished"] = max(map(str, runs["finished"]))
    if told.licence:
        described["license"] = told.licence
    if told.by:
        described["creator"] = {"@type": "Organization", "name": told.by}
    described["distribution"] = [_file(table) for table in tables]
    described["recordSet"] = [_record_set(table) for table in tables]
    return described


def _file(table: TableFile) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": f"{table.name}.parquet",
        "name": f"{table.name}.parquet",
        "description": table.about,
        "contentUrl": table.path,
        "contentSize": f"{table.bytes} B",
        "encodingFormat": "application/x-parquet",
        "sha256": table.sha256,
    }


def _record_set(table: TableFile) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": table.name,
        "name": table.name,
        "description": table.about,
        "field": [_field(table.name, column) for column in table.columns if _is_told(column.type)],
    }


def _field(table: str, column: Column) -> dict[str, Any]:
    listed = pa.types.is_list(column.type)
    unit = f" ({column.unit})" if column.unit else ""
    described: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{table}/{column.name}",
        "name": column.name,
        "description": (column.description or column.name) + unit,
        "dataType": _TYPES[column.type.value_type if listed else column.type],
        "source": {"fileObject": {"@id": f"{table}.parquet"}, "extract": {"column": column.name}},
    }
    return described | ({"isArray": True, "arrayShape": "-1"} if listed else {})


def _is_told(kind: pa.DataType) -> bool:
    """Whether the standard has a word for a column's type: tables of others may hold any."""
    return (kind.value_type if pa.types.is_list(kind) else kind) in _TYPES
