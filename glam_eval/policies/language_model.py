"""A language model as a policy: actions scored by its own head, or chosen by a new one, with a critic."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import safetensors.torch
import torch
from torch import nn

from glam_eval.config.policy import PolicyConfig
from glam_eval.core.errors import UserError
from glam_eval.core.seeds import stream_seed
from glam_eval.core.world import Situation
from glam_eval.policies.base import PolicyOutput
from glam_eval.policies.devices import room_for_activations
from glam_eval.policies.heads import Head
from glam_eval.policies.lanes import even_parts
from glam_eval.policies.models.adapter_files import holds_adapters_alone, load_adapters, write_adapters
from glam_eval.policies.models.adapters import adapter_state, add_adapters, merged_state, peft_module
from glam_eval.policies.models.estimate import nodes_at_once, tokens_at_once
from glam_eval.policies.models.loading import load_weights
from glam_eval.policies.models.quiet import quiet
from glam_eval.policies.models.stored import check_numbers, read_safetensors
from glam_eval.policies.network import offered_only
from glam_eval.policies.scoring.chat import ChatTemplate
from glam_eval.policies.scoring.decoder_only.prefixes import by_prefix
from glam_eval.policies.scoring.decoder_only.scores import TreeScorer
from glam_eval.policies.scoring.packing import Prompt
from glam_eval.policies.scoring.scores import make_scorer
from glam_eval.policies.scoring.tokens import CachedTokenizer
from glam_eval.policies.scoring.tree import Actions

HEADS_FILE = "heads.safetensors"

Result = TypeVar("Result")


class PreparedPrompt(NamedTuple):
    """A situation as token ids: what ``evaluate`` takes, compact and picklable."""

    prompt: Prompt
    actions: Actions


class LanguageModelPolicy:
    """``base.Policy`` of a Hugging Face language model; one code path for rollouts and updates.

    Args:
        model: the model, whose weights stay its own; on its device, in evaluation mode.
        tokenizer: its tokenizer.
        config: how it becomes a policy; None is the paper's way. What its weights start from was settled when
            the model was loaded.
        actions_count: outputs of an action head.
        seed: of the heads' and adapters' first weights.
        base: name by which the model can be loaded again, so that only adapters to it need be stored.
        acts_only: whether its adapters were merged, so that it can't learn on as it learned before.
    """

    memory_size = 0

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        config: PolicyConfig | None = None,
        *,
        actions_count: int = 6,
        seed: int = 0,
        base: str | None = None,
        acts_only: bool = False,
    ) -> None:
        self._base, self._acts_only = base, acts_only
        self.config, self.actions_count, self._seed = config or PolicyConfig(), actions_count, seed
        self.model, self.tokenizer = model, tokenizer
        self.heads = self._make_heads().to(model.device)
        if self.config.lora is not None:
            self._adapters = add_adapters(model, self.config.lora, seed)
        self._freeze()
        self._scorer = make_scorer(
            model,
            self.config.normalization,
            self.config.precision == "bfloat16",
            self.config.gradient_checkpointing,
            self.config.compile,
        )
        at_once = nodes_at_once if isinstance(self._scorer, TreeScorer) else tokens_at_once
        room = room_for_activations(model.device, self.parameters())
        self.cost_at_once = at_once(model.config.hidden_size, model.config.num_hidden_layers, room)
        self._cached_tokenizer = CachedTokenizer(tokenizer, joint=not model.config.is_encoder_decoder)
        self._turns = ChatTemplate(tokenizer) if self.config.template == "chat" else None
        self.cost_without_gradients = self._scorer.at_once  # of the inputs of one pass
        self._frozen_of_all = self.frozen_here
        self._together: Callable[[Callable[[LanguageModelPolicy], Any]], Any] | None = None

    def _make_heads(self) -> nn.ModuleDict:
        config, width = self.config, self.model.get_output_embeddings().in_features
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream_seed(self._seed, "model", "heads"))
            heads = {}
            if config.value_head:
                heads["value"] = Head(width, 1, config.head_hidden)
            if config.action_choice == "head":
                heads["action"] = Head(width, self.actions_count, config.head_hidden)
        return nn.ModuleDict(heads)

    def _freeze(self) -> None:
        """Leave gradients on exactly for the weights that ``trainable`` and ``lora`` name."""
        adapted = self.config.lora is not None
        for name, parameter in self.model.named_parameters():
            of_decoder = name.startswith(("decoder.", "lm_head.")) or not self.model.config.is_encoder_decoder
            chosen = {"all": True, "decoder": of_decoder, "heads": False}[self.config.trainable]
            parameter.requires_grad_(chosen and (not adapted or "lora_" in name))

    def prepare(self, situation: Situation) -> PreparedPrompt:
        """Return a situation's prompt and actions as token ids."""
        text = self._turns.around(situation.prompt) if self._turns else situation.prompt
        return PreparedPrompt(
            *self._cached_tokenizer.encode_choice(text, situation.actions, self.config.end_of_sequence)
        )

    def cost(self, prepared: PreparedPrompt) -> int:
        """Return the number of prompt tokens."""
        return len(prepared.prompt)

    def key(self, prepared: PreparedPrompt) -> Hashable:
        """Return the tokens of prompt and actions."""
        return prepared.prompt.tobytes(), prepared.actions

    def evaluate(self, inputs: Sequence[PreparedPrompt], memory: torch.Tensor | None = None) -> PolicyOutput:  # noqa: ARG002
        """Return log-probabilities and values; differentiable unless under ``torch.no_grad``."""
        return self.computed(partial(_evaluated, inputs))

    def divide(
        self,
        frozen: Callable[[], Callable[[Sequence[PreparedPrompt]], PolicyOutput]],
        together: Callable[[Callable[["LanguageModelPolicy"], Any]], Any] | None = None,
    ) -> None:
        """Let ``frozen`` ask several devices from now on, and ``computed`` all of them by ``together``."""
        self._frozen_of_all, self._together = frozen, together

    def computed(self, work: Callable[["LanguageModelPolicy"], Result]) -> Result:
        """Return what work, picklable, returns of this policy, on every device that has a part of it."""
        if self._together is None:
            return work(self)
        result: Result = self._together(work)
        return result

    def frozen(self) -> Callable[[Sequence[PreparedPrompt]], PolicyOutput]:
        """Return ``evaluate`` without gradients, faster by what it remembers while the weights stay."""
        return self._frozen_of_all()

    def frozen_here(self) -> Callable[[Sequence[PreparedPrompt]], PolicyOutput]:
        """Return ``frozen`` of this device, whether others share the work or not."""
        if not isinstance(self._scorer, TreeScorer):
            return self.evaluate
        memory = self._scorer.engine.memory()
        run, roots = (partial(each, memory=memory) for each in (self._scorer.run, self._scorer.roots))
        return partial(self._answer, run=run, roots_of=roots)

    def parts(self, inputs: Sequence[PreparedPrompt], limit: int, lanes: int) -> list[list[int]] | None:
        """Return indices of inputs in parts of which ``lanes`` hold ``limit`` tokens, shared prefixes once.

        None where prompts share nothing but being equal.
        """
        if not isinstance(self._scorer, TreeScorer):
            return None
        prompts, actions = [each.prompt for each in inputs], [each.actions for each in inputs]
        return even_parts(partial(by_prefix, prompts, actions), limit, lanes)

    def _answer(
        self, inputs: Sequence[PreparedPrompt], run: Callable[..., Any], roots_of: Callable[..., Any]
    ) -> PolicyOutput:
        prompts = [each.prompt for each in inputs]
        if self.config.action_choice == "head":
            roots = roots_of(prompts)
            scores = self._head_scores(roots, [len(each.actions.tokens) for each in inputs])
        else:
            scores, roots = run(prompts, [each.actions for each in inputs])
        has_critic = "value" in self.heads
        values = self.heads["value"](roots).squeeze(1) if has_critic else roots.new_zeros(len(roots))
        return PolicyOutput(self._log_policy(scores), values, roots=roots)

    def represent(self, inputs: Sequence[PreparedPrompt]) -> torch.Tensor:
        """Return the states that the heads read, (n, width) float32; differentiable as ``evaluate``."""
        return self._scorer.roots([each.prompt for each in inputs])

    def _head_scores(self, roots: torch.Tensor, counts: list[int]) -> torch.Tensor:
        """Return the action head's logits (n, A), -inf where an input offers fewer actions."""
        return offered_only(self.heads["action"](roots), counts)

    def _log_policy(self, scores: torch.Tensor) -> torch.Tensor:
        """Return the logarithm of the policy over actions, -inf where none is offered."""
        if self.config.policy_softmax == "max_probability":
            ratios = (scores - scores.amax(dim=1, keepdim=True)).exp()
            scores = ratios.masked_fill(scores.isneginf(), -torch.inf)
        return scores.log_softmax(dim=1)

    def parameters(self) -> Iterable[nn.Parameter]:
        """Yield the trainable parameters: the model's, then the heads'.

        Raises:
            UserError: if the policy can only act.
        """
        if self._acts_only:
            peft_module()
        yield from (parameter for parameter in self.model.parameters() if parameter.requires_grad)
        yield from self.heads.parameters()

    def head_parameters(self) -> Iterable[nn.Parameter]:
        """Yield the heads' parameters."""
        return self.heads.parameters()

    def count_parameters(self) -> int:
        """Return the number of parameters, trainable and frozen; shared ones once."""
        return sum(p.numel() for module in (self.model, self.heads) for p in module.parameters())

    def save(self, directory: Path) -> None:
        """Write a Hugging Face directory (safetensors, tokenizer) with the heads beside it.

        With LoRA it is a directory of ``peft``'s: the adapters without the model, where that can be loaded
        again; otherwise the model with its adapters merged, and the adapters beside it.
        """
        beside = {f"heads.{name}": tensor for name, tensor in self.heads.state_dict().items()}
        alone = self.config.lora is not None and self._base is not None
        with quiet():
            if alone:
                write_adapters(self.model, self._adapters, str(self._base), Path(directory))
            else:
                beside |= adapter_state(self.model)
                self.model.save_pretrained(directory, state_dict=merged_state(self.model))
            self.tokenizer.save_pretrained(directory)
        safetensors.torch.save_file(
            {name: tensor.contiguous() for name, tensor in beside.items()}, Path(directory) / HEADS_FILE
        )

    def load(self, directory: Path) -> None:
        """Restore what ``save`` wrote, exactly, into the present parameters.

        Raises:
            UserError: if the directory holds another model or other heads.
        """
        if holds_adapters_alone(Path(directory)):
            self.load_beside(directory)
            return
        self._copy(load_weights(directory) | _stored_beside(directory), self._state(), directory)

    def load_beside(self, directory: Path) -> None:
        """Restore heads and adapters of ``save`` where the model itself was loaded from that directory.

        Raises:
            UserError: if the directory holds other heads or adapters.
        """
        alone = holds_adapters_alone(Path(directory))
        if alone and not self._acts_only:
            load_adapters(self.model, Path(directory))
        beside = [] if alone else list(adapter_state(self.model))
        present = {k: v for k, v in self._state().items() if k in beside or k.startswith("heads.")}
        self._copy(_stored_beside(directory), present, directory)

    def _state(self) -> dict[str, torch.Tensor]:
        heads = {f"heads.{name}": tensor for name, tensor in self.heads.state_dict().items()}
        return {**self.model.state_dict(), **heads}

    def _copy(
        self, stored: dict[str, torch.Tensor], present: dict[str, torch.Tensor], directory: Path
    ) -> None:
        try:
            with torch.no_grad():
                for name, tensor in present.items():
                    tensor.copy_(stored[name])
        except (KeyError, RuntimeError) as error:
            raise UserError(f"{directory} holds another model or other heads: {error}") from error


def _evaluated(inputs: Sequence[PreparedPrompt], policy: LanguageModelPolicy) -> PolicyOutput:
    return policy._answer(inputs, policy._scorer.run, policy._scorer.roots)


def _stored_beside(directory: Path) -> dict[str, torch.Tensor]:
    """Return the heads and adapters that ``save`` wrote into a directory."""
    state = read_safetensors(Path(directory) / HEADS_FILE)
    check_numbers(HEADS_FILE, state, "no checkpoint that can be used")
    return state
