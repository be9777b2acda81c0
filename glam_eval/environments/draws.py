"""Single random numbers at a tenth of numpy's price, the very ones that numpy would draw."""

from typing import Any

_BLOCK = 128  # raw 64-bit numbers fetched at a time
_HALF = 0xFFFFFFFF


class Draws:
    """Takes over a fresh PCG64 generator, as ``numpy.random.Generator`` would consume it.

    Bounded integers: Lemire's method (arXiv 1805.10941) on 32-bit halves, the low one first, as in numpy's
    ``distributions.c``; that layouts are MiniGrid's own is tested against MiniGrid on every level.
    """

    __slots__ = ("_generator", "_raw", "_spare")

    def __init__(self, bit_generator: Any) -> None:
        self._generator = bit_generator
        self._raw: list[int] = []
        self._spare: int | None = None

    def _next(self) -> int:
        if not self._raw:
            self._raw = self._generator.random_raw(_BLOCK)[::-1].tolist()
        return self._raw.pop()

    def _half(self) -> int:
        half = self._spare
        if half is None:
            raw = self._next()
            self._spare = raw >> 32
            return raw & _HALF
        self._spare = None
        return half

    def integer(self, low: int, high: int) -> int:
        """Return an integer from low (included) to high (excluded), fewer than 2**32 apart."""
        span = high - low
        if span <= 1:
            return low
        product = self._half() * span
        if product & _HALF < span:
            threshold = (_HALF + 1 - span) % span
            while product & _HALF < threshold:
                product = self._half() * span
        return low + (product >> 32)

    def uniform(self, low: float, high: float) -> float:
        """Return a real number from low (included) to high (excluded)."""
        return low + (high - low) * ((self._next() >> 11) * 2.0**-53)
