"""The results on disk: one declared schema, an atomic writer, a reader."""

from glam_eval.results.reader import load_results, table_names
from glam_eval.results.schema import arrow_schema, columns_of, data_dictionary
from glam_eval.results.writer import write_table

__all__ = ["arrow_schema", "columns_of", "data_dictionary", "load_results", "table_names", "write_table"]
