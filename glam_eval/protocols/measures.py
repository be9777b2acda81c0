"""Protocols that measure the language model behind an agent, before and after it learned to act."""

from typing import TYPE_CHECKING

from glam_eval.config.protocols import ProtocolConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.records import ConsequenceRecord, LanguageRecord
from glam_eval.protocols.consequences import consequence_records
from glam_eval.protocols.retention import language_records

if TYPE_CHECKING:
    from glam_eval.policies import LanguageModelPolicy


def measured_records(
    policy: "LanguageModelPolicy", run: RunConfig, frames: int, protocol: ProtocolConfig
) -> list[LanguageRecord] | list[ConsequenceRecord]:
    """Return the rows of retention or consequences, which are the same for equal models.

    Raises:
        UserError: if the model, or the level, is none that can be asked.
    """
    if protocol.name == "retention":
        return language_records(policy, run, frames, protocol)
    return consequence_records(policy, run, frames, protocol)
