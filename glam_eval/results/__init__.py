"""The results on disk: one declared schema, atomic writers, a reader, and compaction."""

from glam_eval.results.compaction import Compaction, compact
from glam_eval.results.layout import table_names
from glam_eval.results.reader import finished_runs, load_results, read_table
from glam_eval.results.removal import forget_runs
from glam_eval.results.runs import RunTables
from glam_eval.results.schema import arrow_schema, columns_of, data_dictionary
from glam_eval.results.writer import write_table

__all__ = [
    "Compaction",
    "RunTables",
    "arrow_schema",
    "columns_of",
    "compact",
    "data_dictionary",
    "finished_runs",
    "forget_runs",
    "load_results",
    "read_table",
    "table_names",
    "write_table",
]
