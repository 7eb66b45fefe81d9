"""A clock process of its own: waits for the starting shot, then ticks until nothing moves.

python -m tests.faults.ticking FOLDER URL PROCESS
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.faults.crowd import all_at_once, tick_on
from tests.faults.rules import rules
from tests.faults.world import World

THREADS = 2


def main(folder: Path, url: str, process: int) -> None:
    with World(folder, url).open(rules(), process) as house:
        (folder / f"ready-{process}").touch()
        while not (folder / "go").exists():
            time.sleep(0.01)
        moved = sum(all_at_once(*[lambda: tick_on(house.outside)] * THREADS))
    sys.stdout.write(f"{moved}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
