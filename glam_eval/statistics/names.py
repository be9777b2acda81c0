"""Names of conditions in the table of comparisons."""


def condition_name(agent: str, model: str) -> str:
    """Return the name of a condition in the table: agent/model, or the agent alone where it has no model."""
    return agent if model in ("none", "") else f"{agent}/{model}"
