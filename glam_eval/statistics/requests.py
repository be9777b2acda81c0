"""What served models answered, and what it took: invalid answers, tokens, costs, waiting."""

import numpy as np
import pandas as pd

from glam_eval.statistics.cells import require_columns

_EPISODE = ["run_id", "frames", "protocol", "shift", "scene_seed"]
_NEEDED = [*_EPISODE, "valid", "finish", "prompt_tokens", "completion_tokens", "cost", "seconds"]
CUT_SHORT = "length"  # what servers say of an answer that reached the limit of its tokens


def summarise_requests(requests: pd.DataFrame, episodes: pd.DataFrame) -> pd.DataFrame:
    """Return a row an agent and model: what its requests came to, over all of its episodes.

    Args:
        requests: the table ``requests``.
        episodes: the table ``episodes``, which says whose runs they are of.

    Returns:
        agent, model, episodes and requests (counts); requests_an_episode; invalid and cut_short (shares of
        answers); prompt_tokens, completion_tokens and cost (means an episode, NaN where one is not known);
        total_cost; seconds (median of a request).

    Raises:
        UserError: for missing columns.
    """
    require_columns(requests, _NEEDED, "requests")
    runs = episodes[["run_id", "agent", "model"]].astype(str).drop_duplicates("run_id")
    texts = ["run_id", "protocol", "shift", "finish"]
    known = requests[_NEEDED].astype(dict.fromkeys(texts, str)).merge(runs, on="run_id")
    tokens = ["prompt_tokens", "completion_tokens"]
    known[tokens] = known[tokens].where(known[tokens] >= 0)
    rows = []
    for (agent, model), own in known.groupby(["agent", "model"]):
        played = own.groupby(_EPISODE).ngroups
        sums = {
            name: own[name].to_numpy(float).sum() for name in (*tokens, "cost")
        }  # NaN if one is not known
        rows.append(
            {
                "agent": agent,
                "model": model,
                "episodes": played,
                "requests": len(own),
                "requests_an_episode": len(own) / played,
                "invalid": 1 - own["valid"].mean(),
                "cut_short": (own["finish"] == CUT_SHORT).mean(),
                **{name: total / played for name, total in sums.items()},
                "total_cost": sums["cost"],
                "seconds": float(np.median(own["seconds"])),
            }
        )
    return pd.DataFrame(rows)
