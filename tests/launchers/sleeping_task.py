"""A task whose runs sleep, and whose results were made before: ``sleeping_task.py DIRECTORY PLAN INDEX``.

It loads nothing but the standard library, so that thousands of tasks measure their launcher.
"""

import json
import os
import sys
import time
from pathlib import Path

SECONDS = 5.0  # of a run


def main(out: Path, name: str, index: str) -> None:
    tasks = json.loads((out / ".launch" / f"{name}.json").read_text())["tasks"]
    for run_id in tasks[index]:
        if (out / ".stop").exists():
            return
        time.sleep(SECONDS)
        for table in ("episodes", "runs"):
            target = out / table / f"{run_id}.parquet"
            target.parent.mkdir(exist_ok=True)
            if not target.exists():
                os.link(out.parent / "prepared" / target.relative_to(out), target)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
