"""Prompts in the turns that a chat model was trained on: its tokenizer's own template around them."""

from typing import Any

from glam_eval.core.errors import UserError, first_line
from glam_eval.language.prompts import turns

_SYSTEM, _USER = "<<what can be done>>", "<<what is asked and seen>>"  # stand in for the turns' texts


class ChatTemplate:
    """A tokenizer's chat template around a system's turn, the user's, and the beginning of the assistant's.

    Raises:
        UserError: if the tokenizer has no chat template, or it leaves out what it is given.
    """

    def __init__(self, tokenizer: Any) -> None:
        if not getattr(tokenizer, "chat_template", None):
            raise UserError(
                "policy.template = 'chat' needs a chat template, and the tokenizer has none: leave it out"
            )
        self._frame = self._render(tokenizer)
        if self._frame.count(_SYSTEM) != 1 or self._frame.count(_USER) != 1:
            raise UserError("the tokenizer's chat template leaves turns out: leave policy.template out")

    @staticmethod
    def _render(tokenizer: Any) -> str:
        """Return the template around stand-ins; a family without system turns reads one in the user's."""
        apart = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": _USER}]
        together = [{"role": "user", "content": f"{_SYSTEM}\n\n{_USER}"}]
        for messages in (apart, together):
            try:
                frame: str = tokenizer.apply_chat_template(
                    messages, tokenize=False, add_generation_prompt=True, enable_thinking=False
                )
            except Exception as error:  # templates are programs, and raise what they like
                problem = first_line(error)
            else:
                return frame
        raise UserError(f"the tokenizer's chat template can't be applied: {problem}")

    def around(self, prompt: str) -> str:
        """Return a prompt as turns, after which the action follows."""
        can_do, asked, begun = turns(prompt)
        return self._frame.replace(_SYSTEM, can_do).replace(_USER, asked) + begun
