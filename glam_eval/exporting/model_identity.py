"""How others call what was evaluated: a model of the hub, one of ours, or an agent that was trained here."""

from dataclasses import dataclass
from typing import Any

from glam_eval.exporting.told import group_of, slug
from glam_eval.figures.identity import condition_label

HERE = "glam-eval"  # who makes the agents that nobody is named for
_NOBODY = ("", "none")


@dataclass(frozen=True)
class Identity:
    """A model as Every Eval Ever names it.

    Attributes:
        id: "developer/model", fit for two folders.
        name: For people.
        made_here: Whether it was trained, or written, by who evaluated it.
        weights: Whether its weights can be had: "open_weights" or "unknown".
        served: Whether a server answered for it.
        details: What else is told of it.
    """

    id: str
    name: str
    made_here: bool
    weights: str
    served: bool
    details: dict[str, str]

    def described(self) -> dict[str, Any]:
        """Return it as the schema's ``model_info``."""
        return {
            "name": self.name,
            "id": self.id,
            "developer": self.id.partition("/")[0],
            "additional_details": {
                "deployment_type": "unknown" if self.served else "self_deployed",
                "model_availability": self.weights,
                **self.details,
            },
        }


def identify(run: dict[str, Any], variant: str, by: str = "") -> Identity:
    """Return what a run's agent is called elsewhere.

    A trained agent has weights of its own, so it is a model of its own; a language model that acts without
    training is what it was before.

    Args:
        run: A row of the table ``runs``.
        variant: The run's model with the settings that tell it from others of the study.
        by: Who trained it; empty if that is not said.
    """
    config = group_of(run["config"])
    model, agent = str(run["model"]), str(run["agent"])
    bare = model in _NOBODY
    served = config.get("conversation") is not None
    kind = group_of(config, "learner").get("kind", "none" if int(run["frames"]) == 0 else "unknown")
    trained = not served and kind != "none"
    local = config.get("content") is not None or model.startswith(("/", ".", "~"))
    if bare or trained:
        leaf = variant if bare else f"{agent}-{_leaf(variant)}"
        name = slug(f"{agent}-{variant.partition(' ')[2]}" if bare else leaf)
        id_ = f"{slug(by) if by and trained else HERE}/{name}"
    elif "/" in model and not local:
        owner, _, rest = model.partition("/")
        id_ = f"{slug(owner)}/{slug(rest)}"
    else:
        id_ = f"{'local' if local else 'served' if served else HERE}/{slug(_leaf(model))}"
    details = {
        "agent": agent,
        "model": _leaf(model) if local else model,
        "parameters": str(int(run["parameters"])),
        "variant": variant,
        "trained_on": str(run["level"]) if trained else "",
        "training_frames": str(int(run["frames"])),
    }
    opened = not (bare or trained or local or served)
    return Identity(
        id=id_,
        name=condition_label(agent, variant),
        made_here=bare or trained,
        weights="open_weights" if opened else "unknown",
        served=served,
        details=details,
    )


def _leaf(model: str) -> str:
    """Return a model without its owner or folder, and with the settings of a variant."""
    name, bracket, settings = model.partition(" [")
    return name.rstrip("/").rsplit("/", 1)[-1] + bracket + settings
