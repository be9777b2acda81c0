"""``glam-eval agents``: who is compared: the study's agents and those of installed packages."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("agents")(agents)


def agents(
    name: Annotated[str | None, typer.Argument(help="Agent to describe.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List the agents, or describe one: what it learns by, whether it reads, what it never knows.

    Examples: `glam-eval agents`, `glam-eval agents gflan`, `glam-eval agents --json`
    """
    from glam_eval.config.agents import agent_names, describe_agent
    from glam_eval.core.console import Console, Table, print_json

    described = [describe_agent(each) for each in ([name] if name else agent_names())]
    rows = [
        {
            "agent": agent.name,
            "label": agent.label,
            "role": agent.role,
            "learner": agent.learner,
            "uses_model": agent.uses_model,
            "served": agent.served,
            "reads_text": agent.reads_text,
            "goal_blind": agent.goal_blind,
            "demonstrator": agent.demonstrator,
            "unread": sorted(agent.unread),
            "description": agent.description,
        }
        for agent in described
    ]
    console = Console()
    if as_json:
        print_json(rows if name is None else rows[0])
    elif name is not None:
        for key, value in rows[0].items():
            console.print(f"{key.replace('_', ' ')}: {_shown(value)}", soft_wrap=True)
    else:
        table = Table("agent", "role", "learns by", "what", box=None)
        for row in rows:
            table.add_row(*(str(row[key]) for key in ("agent", "role", "learner", "description")))
        console.print(table)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (", ".join(map(str, value)) if isinstance(value, list) else str(value)) or "–"
