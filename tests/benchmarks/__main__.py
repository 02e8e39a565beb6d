"""Speed beside the peers, measured: ``python tests/benchmarks --what steps``."""

import argparse
import sys
import time
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])  # the folder that has this package, in place of the package

from benchmarks import tasks  # noqa: E402
from benchmarks.contenders import CONTENDERS  # noqa: E402
from benchmarks.turns import Field  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--what", default="all")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--contenders", default=",".join(CONTENDERS))
    args = parser.parse_args()
    for what in ("steps", "updates", "scaling"):
        if args.what in (what, "all"):
            with Field(args.contenders.split(","), print) as field:
                print(field.about)
                for task in getattr(tasks, what)():
                    for m in field.measure(task, args.rounds, 0.2):
                        print(f"  {m.contender:16} {1e6 * m.best:10.1f} {1e6 * m.median:10.1f} {m.steps}")


main()
