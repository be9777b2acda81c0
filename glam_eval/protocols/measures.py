"""Protocols that ask a policy at two moments, before and after it learned to act."""

from glam_eval.config.protocols import ProtocolConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.answer_records import ConsequenceRecord, LanguageRecord, SaliencyRecord
from glam_eval.core.errors import UserError
from glam_eval.policies.base import Policy
from glam_eval.protocols.consequences import consequence_records
from glam_eval.protocols.retention import language_records
from glam_eval.protocols.saliency import saliency_records

MeasuredRecord = LanguageRecord | ConsequenceRecord | SaliencyRecord


def measured_records(
    policy: Policy, run: RunConfig, frames: int, protocol: ProtocolConfig
) -> list[MeasuredRecord]:
    """Return the rows of retention, consequences or saliency, which are the same for equal policies.

    Raises:
        UserError: if the policy, the model or the level is none that can be asked.
    """
    if protocol.name == "saliency":
        return [*saliency_records(policy, run, frames, protocol)]
    from glam_eval.policies import LanguageModelPolicy

    if not isinstance(policy, LanguageModelPolicy):
        raise UserError(f"agent {run.agent!r} has no language model to measure")
    if protocol.name == "retention":
        return [*language_records(policy, run, frames, protocol)]
    return [*consequence_records(policy, run, frames, protocol)]
