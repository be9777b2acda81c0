"""``transformers`` and ``bitsandbytes`` without progress bars and warnings."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import transformers


@contextmanager
def quiet() -> Iterator[None]:
    """Silence ``transformers``' progress bars and its warning that untied embeddings stay untied."""
    bars, level = transformers.logging.is_progress_bar_enabled(), transformers.logging.get_verbosity()
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    transformers.logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        transformers.logging.set_verbosity(level)
        if bars:
            transformers.logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def quiet_bitsandbytes() -> None:
    """Silence what ``bitsandbytes`` says when it is imported: of kernels on a hub, in place of its own."""
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
