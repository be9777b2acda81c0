"""A table of what served models answered: how often an action, by how many tokens, at which cost."""

from typing import Any

from glam_eval.figures import Study
from glam_eval.figures.identity import records
from glam_eval.report.tables import AGENT, Cell, Column, Table, number, table_of
from glam_eval.statistics import summarise_requests

EPISODES, ASKED = Column("Episodes"), Column("Requests an episode")
INVALID, CUT = Column("Name no action (%)"), Column("Cut short (%)")
READ, WRITTEN = Column("Tokens read an episode"), Column("Tokens written an episode")
COST, TOTAL, SECONDS = Column("Cost an episode"), Column("Cost in all"), Column("Seconds a request (median)")


def requests_table(study: Study) -> Table | None:
    """Return what requests came to, a row a served model; None where none was asked."""
    requests = study.tables.get("requests")
    if requests is None or requests.empty:
        return None
    table = summarise_requests(requests, study.table("episodes"))
    rows = [_row(study.looks[row["agent"], row["model"]].label, row) for row in records(table)]
    note = "What names no action comes to what conversation.invalid says; prices are those given there."
    columns = [AGENT, EPISODES, ASKED, INVALID, CUT, READ, WRITTEN, COST, TOTAL, SECONDS]
    return table_of("requests", "What served models answered", note, columns, rows)


def _row(label: str, row: dict[str, Any]) -> list[Cell]:
    return [
        Cell(AGENT, label),
        number(EPISODES, row["episodes"], f"{row['episodes']:,}"),
        number(ASKED, row["requests_an_episode"], f"{row['requests_an_episode']:.1f}"),
        number(INVALID, 100 * row["invalid"], f"{100 * row['invalid']:.1f}"),
        number(CUT, 100 * row["cut_short"], f"{100 * row['cut_short']:.1f}"),
        number(READ, row["prompt_tokens"], f"{row['prompt_tokens']:,.0f}"),
        number(WRITTEN, row["completion_tokens"], f"{row['completion_tokens']:,.0f}"),
        number(COST, row["cost"], f"{row['cost']:.4f}"),
        number(TOTAL, row["total_cost"], f"{row['total_cost']:.2f}"),
        number(SECONDS, row["seconds"], f"{row['seconds']:.2f}"),
    ]
