"""Who is compared, what is asked, where: the registries of agents, protocols and levels as pages."""

from glam_eval.config.agents import AGENTS
from glam_eval.config.protocols import PROTOCOLS
from glam_eval.figures import FIGURES


def page() -> str:
    """Return the page of agents, protocols and figures as Markdown."""
    agents = "".join(
        f"| `{agent.name}` | {agent.label} | {agent.role} | {agent.learner} "
        f"| {'never knows the goal' if agent.goal_blind else ''} | {agent.description} |\n"
        for agent in AGENTS.values()
    )
    protocols = "".join(
        f"| `{name}` | {each.question} | {each.takes} |\n" for name, each in PROTOCOLS.items()
    )
    figures = "".join(f"| `{each.name}` | {each.title} |\n" for each in FIGURES)
    return (
        "# Agents, protocols, figures\n\n## Agents\n\n| name | in figures | role | learns by | goal | is |\n"
        f"|---|---|---|---|---|---|\n{agents}\n"
        f"## Protocols\n\n| name | asks | of |\n|---|---|---|\n{protocols}\n"
        f"## Figures\n\n`glam-eval figures RESULTS --name NAME`\n\n| name | shows |\n|---|---|\n{figures}"
    )
