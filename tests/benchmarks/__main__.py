"""Measure the speed of the package and of other libraries on this machine.

Each contender runs in a separate process. The contenders take turns, round by round; the processes that are not
measured are stopped.
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[1]
sys.path[:1] = [str(_TESTS), str(_TESTS.parent)]  # `python tests/benchmarks` put this package's own folder there

from benchmarks import pages, report, tasks, whole_process  # noqa: E402
from benchmarks.contenders import CONTENDERS  # noqa: E402
from benchmarks.turns import Field  # noqa: E402
from benchmarks.worker import CLOCKS  # noqa: E402

_TASKS = {"steps": tasks.steps, "updates": tasks.updates, "scaling": tasks.scaling, "estimators": tasks.estimators}
_PAGES: dict[str, Callable[..., pages.Page]] = {
    "process": pages.of_programs,  # first: a child's peak of memory is never reported below that of this process
    "steps": pages.of_steps,
    "updates": pages.of_updates,
    "scaling": pages.of_scaling,
    "estimators": pages.of_estimators,
}


def main() -> None:
    """Measure the chosen parts, and write the files of each part after its last measurement."""
    args = _arguments()
    for part, make_page in _PAGES.items():
        if args.what in (part, "all"):
            seconds = 0.0 if part == "process" else args.seconds
            how = report.Circumstances(args.rounds, seconds, args.note, args.clock)
            measure = _programs if part == "process" else _tasks
            results = measure(part, args.contenders, how)
            if not results:
                print(f"{part}: nothing was measured")
                continue
            page = make_page(results)
            print("\n".join(["", *(f"{name}: {about}" for name, about in how.about.items()), "", page.body, ""]))
            for path in report.write(args.out, part, page, how):
                print(f"written: {path}")


def _programs(part: str, names: list[str], how: report.Circumstances) -> list[whole_process.Program]:
    return whole_process.measure(names, how.rounds, _say, how.absent)


def _tasks(part: str, names: list[str], how: report.Circumstances) -> list[object]:
    with Field(names, how.absent, _say, how.clock) as field:
        how.about = field.about
        return [found for task in _TASKS[part]() for found in field.measure(task, how.rounds, how.seconds)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python tests/benchmarks", description=__doc__)
    parser.add_argument("--what", choices=[*_PAGES, "all"], default="all", help="which part (default: all)")
    parser.add_argument("--rounds", type=int, default=7, help="how often everybody has a turn (default: 7)")
    parser.add_argument("--seconds", type=float, default=0.2, help="what a turn takes at least (default: 0.2)")
    clocks = "wall time, or the time of the processors, for a busy machine and one thread (default: wall)"
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help=clocks)
    parser.add_argument("--contenders", default=",".join(CONTENDERS), help="names with commas (default: all of them)")
    parser.add_argument("--out", type=Path, default=Path("out/benchmarks"), help="a folder for what is written")
    parser.add_argument("--note", default="", help="a sentence that stands above the tables")
    args = parser.parse_args()
    args.contenders = args.contenders.split(",")
    unknown = [name for name in args.contenders if name not in CONTENDERS]
    if unknown:
        parser.error(f"--contenders {','.join(unknown)}: there are {', '.join(CONTENDERS)}")
    if args.clock != "wall" and args.what in ("process", "all"):
        parser.error("--clock cpu is for one part, and not for process")
    if args.rounds < 1 or not 0.0 < args.seconds <= 60.0:
        parser.error("--rounds must be 1 or more, and --seconds above 0 and at most 60")
    try:
        args.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"--out {args.out} cannot be a folder: {error.strerror}")
    if not os.access(args.out, os.W_OK):
        parser.error(f"--out {args.out}: nothing can be written there")
    return args


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
