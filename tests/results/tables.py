"""Rows to store, and stored rows as they compare."""

from glam_eval.core.records import RunRecord
from glam_eval.results import columns_of, load_results, table_names, write_table

KINDS = {str: "x", int: 1, float: 0.5, bool: True}


def zeros(record, **changes):
    """A record whose fields hold anything but for those given."""
    return record(**{c.attribute: changes.get(c.attribute, KINDS[c.python_type]) for c in columns_of(record)})


def finish(out, run_id, status="finished"):
    """A row in runs; a failed run's is named as suites name it."""
    name = run_id if status == "finished" else f"{run_id}-{status}"
    write_table(out, "runs", [zeros(RunRecord, run_id=run_id, status=status)], name)


def rows(out, table="episodes"):
    frame = load_results(out, table)
    return frame.astype(dict.fromkeys(frame.select_dtypes("category"), str))


def every_row(out):
    """All rows of all tables, without their order."""
    return {table: sorted(map(repr, rows(out, table).values.tolist())) for table in table_names(out)}
