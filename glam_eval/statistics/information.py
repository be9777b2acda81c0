"""What stored probabilities tell: whether a policy still reads its prompt, and knows when it is right.

An agent that stops reading keeps H(A|X), the entropy of its actions given the prompt, and loses I(A;X), what
actions and prompts tell of one another (RAGEN-2, arXiv 2604.06268). Actions are few, so both are exact.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import special

from glam_eval.statistics.cells import require_columns
from glam_eval.statistics.curves import WHO
from glam_eval.statistics.inference.intervals import estimate_mean
from glam_eval.statistics.inference.metrics import FloatArray

RUN = ["run_id", "agent", "model", "seed", "frames"]
BINS = 10
MIDDLE, END = (0.4, 0.6), (0.8, 1.0)  # parts of training that are compared: a fifth of its updates each


def information(probes: pd.DataFrame) -> pd.DataFrame:
    """Return one row a run and update: H(A), H(A|X) and I(A;X) in nats over equally likely prompts.

    Columns: run_id, agent, model, seed, frames, entropy, conditional_entropy, mutual_information,
    n_prompts. An action that a prompt does not offer has probability 0 there. Only the words of training
    count.
    """
    require_columns(probes, [*RUN, "probe", "action", "probability"], "probes")
    rows = []
    for key, asked in _unshifted(probes).groupby(RUN, observed=True, sort=True):
        policy = asked.pivot_table(index="probe", columns="action", values="probability", observed=True)
        chances = policy.fillna(0.0).to_numpy(dtype=np.float64)
        entropy, conditional = (
            float(special.entr(chances.mean(axis=0)).sum()),
            special.entr(chances).sum(axis=1),
        )
        rows.append((*key, entropy, conditional.mean(), max(0.0, entropy - conditional.mean()), len(chances)))
    return pd.DataFrame(
        rows, columns=[*RUN, "entropy", "conditional_entropy", "mutual_information", "n_prompts"]
    )


def changed_actions(probes: pd.DataFrame) -> pd.DataFrame:
    """Return one row a run and moment but its first: the share of prompts whose likeliest action changed.

    Columns: run_id, agent, model, seed, frames, changed (since the moment before), n_prompts. Of equally
    likely actions the first counts. Only the words of training count.
    """
    require_columns(probes, [*RUN, "probe", "action", "probability"], "probes")
    asked = _unshifted(probes)
    best = asked.loc[asked.groupby([*RUN, "probe"], observed=True)["probability"].idxmax()]
    best = best.sort_values(["run_id", "probe", "frames"])
    prompts = best.groupby(["run_id", "probe"], observed=True)["action"]
    best = best.assign(changed=best["action"] != prompts.shift(), first=prompts.cumcount() == 0)
    after = best[~best["first"]].groupby(RUN, observed=True, sort=True)["changed"]
    return after.agg(changed="mean", n_prompts="size").reset_index()


def information_lost(training: pd.DataFrame, by: Sequence[str] = WHO) -> pd.DataFrame:
    """Return how information and success of batches change from the middle fifth of training to its last.

    Columns: ``by``; information and success (means at the end), change, low and high of the information (in
    nats), success_change, success_low and success_high, n_seeds. Differences are of means within a seed. A
    seed in whose windows nothing was measured is left out, and a condition that has fewer than two.
    """
    require_columns(training, [*by, "run_id", "frames", "information", "success_rate"], "training")
    measures = ["information", "success_rate"]
    share = training["frames"] / training.groupby("run_id", observed=True)["frames"].transform("max")
    middle, end = (
        training[(share > low) & (share <= high)].groupby([*by, "run_id"], observed=True)[measures].mean()
        for low, high in (MIDDLE, END)
    )
    both = middle.add_suffix("_before").join(end, how="inner").dropna()
    found = []
    for key, own in both.groupby(list(by), observed=True):
        if len(own) < 2:
            continue
        row: list[object] = [*key, *own[measures].mean()]
        for measure in measures:
            differences = own[[measure]].to_numpy() - own[[f"{measure}_before"]].to_numpy()
            estimate = estimate_mean(differences, "mean")
            row += [estimate.value, *estimate.interval()]
        found.append((*row, len(own)))
    changes = ["change", "low", "high", "success_change", "success_low", "success_high"]
    return pd.DataFrame(found, columns=[*by, "information", "success", *changes, "n_seeds"])


def calibration(probes: pd.DataFrame) -> pd.DataFrame:
    """Return how well the likeliest action's probability tells that it is the expected one, after training.

    Columns: agent, model, confidence, accuracy, error, low, high, n_seeds: means over prompts and seeds;
    ``error`` is the expected calibration error over 10 bins (Guo et al. 2017), with the interval of its
    mean over seeds.
    """
    require_columns(probes, [*RUN, "probe", "action", "probability", "expected"], "probes")
    last = probes.groupby("run_id", observed=True)["frames"].transform("max")
    asked = _unshifted(probes[probes["frames"] == last])
    answers = asked.loc[asked.groupby([*RUN, "probe"], observed=True)["probability"].idxmax()]
    answers = answers.assign(right=answers["expected"].astype(float))
    return _by_seed(answers, "probability", "right", ["confidence", "accuracy"])


def value_calibration(episodes: pd.DataFrame, by: Sequence[str] = WHO) -> pd.DataFrame:
    """Return how well the critic's first value tells the discounted return that followed, in each condition.

    Columns: ``by``, value, discounted_return, error, low, high, n_seeds, as ``calibration``'s; agents
    without a critic are left out.
    """
    require_columns(episodes, [*by, "seed", "value", "discounted_return"], "episodes")
    valued = episodes.dropna(subset=["value", "discounted_return"])
    return _by_seed(valued, "value", "discounted_return", ["value", "discounted_return"], by)


def expected_calibration_error(claimed: FloatArray, observed: FloatArray, bins: int = BINS) -> float:
    """Return the mean distance of claims (n,) from outcomes, within bins of equally many claims."""
    order = np.argsort(claimed, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    return float(
        sum(len(part) * abs(claimed[part].mean() - observed[part].mean()) for part in parts) / len(order)
    )


def _by_seed(
    rows: pd.DataFrame, claimed: str, observed: str, names: Sequence[str], by: Sequence[str] = WHO
) -> pd.DataFrame:
    found = []
    for key, own in rows.groupby(list(by), observed=True):
        pairs = [
            (seed[claimed].to_numpy(dtype=np.float64), seed[observed].to_numpy(dtype=np.float64))
            for _, seed in own.groupby("seed", observed=True)
        ]
        errors = np.array([[expected_calibration_error(*pair)] for pair in pairs])
        means = [float(np.mean([values.mean() for values in side])) for side in zip(*pairs, strict=True)]
        estimate = estimate_mean(errors, "proportion" if errors.max() <= 1 else "mean")
        found.append((*map(str, key), *means, estimate.value, *estimate.interval(), len(pairs)))
    return pd.DataFrame(found, columns=[*by, *names, "error", "low", "high", "n_seeds"])


def _unshifted(probes: pd.DataFrame) -> pd.DataFrame:
    """Return the probes in the words of training, each row under a label of its own."""
    rows = probes[probes["shift"] == "none"] if "shift" in probes else probes
    return rows.reset_index(drop=True)
