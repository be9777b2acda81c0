"""The key of an endpoint: read from the environment alone, and in nothing that is stored or shown."""

import os

from glam_eval.core.errors import UserError

KEY_VARIABLE = "GLAM_EVAL_CHAT_KEY"
_HIDDEN = "[key]"


class Key:
    """A key that is not shown, neither by itself nor in texts that a server sends back."""

    def __init__(self) -> None:
        """Read the key.

        Raises:
            UserError: if it holds what no header can; the message does not repeat it.
        """
        self._value = os.environ.get(KEY_VARIABLE, "")
        if not all("!" <= character <= "~" for character in self._value):
            raise UserError(
                f"{KEY_VARIABLE} holds a space, a line break or another character that no key has"
            )

    def __repr__(self) -> str:
        return _HIDDEN

    def headers(self) -> dict[str, str]:
        """Return the header that carries the key, none without a key."""
        return {"Authorization": f"Bearer {self._value}"} if self._value else {}

    def hidden_in(self, text: str) -> str:
        """Return a text in which the key is not to be read."""
        return text.replace(self._value, _HIDDEN) if self._value else text
