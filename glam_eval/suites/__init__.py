"""From a suite to results: expands it into runs, schedules them on workers, writes, and sums up."""
