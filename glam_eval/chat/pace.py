"""When a request may be sent: at most so many a minute, and none while the server asks for rest."""

import threading
import time


class Pace:
    """Lets requests of many threads go one after another, evenly spaced.

    Args:
        per_minute: most requests in a minute; none sets no limit.
        halted: an event by which all who wait give up.
    """

    def __init__(self, per_minute: float | None, halted: threading.Event) -> None:
        self._spacing = 60.0 / per_minute if per_minute else 0.0
        self._halted = halted
        self._lock = threading.Lock()
        self._next = 0.0  # by the monotonic clock

    def turn(self) -> bool:
        """Wait until a request may be sent; return whether it may, which it may not once all is halted."""
        while not self._halted.is_set():
            with self._lock:
                now = time.monotonic()
                if now >= self._next:
                    self._next = now + self._spacing
                    return True
                wait = self._next - now
            self._halted.wait(wait)
        return False

    def rest(self, seconds: float) -> None:
        """Send nothing for a while, whoever asks."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)

    def sleep(self, seconds: float) -> None:
        """Wait a while, of one's own accord."""
        self._halted.wait(seconds)
