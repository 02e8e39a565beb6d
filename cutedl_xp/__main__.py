"""The command line: ``python -m cutedl_xp``, or ``cutedl-xp``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from cutedl_xp.backends import BackendUnavailable, available_backends, get_backend


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the commands; 0 if all is well, 1 if a check failed, 2 for wrong use."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.run is None:
        parser.print_help()
        return 2
    try:
        return int(options.run(options))
    except (BackendUnavailable, ImportError, OSError, TypeError, ValueError) as error:
        print(f"{parser.prog}: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("cutedl-xp", description="A small deep-learning trainer on any array library.")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(metavar="COMMAND")
    info = commands.add_parser("info", help="which backends can be used here, on which devices, or why not")
    info.set_defaults(run=_info)
    selftest = commands.add_parser("selftest", help="whether a backend computes here what NumPy does, as a report")
    selftest.add_argument("--device", help="cpu, cuda, cuda:N or auto")
    selftest.add_argument("--backend", metavar="NAME", help="a backend instead of a device, such as torch or cupy:1")
    selftest.set_defaults(run=_selftest)
    _add_bench(commands.add_parser("bench", help="compare the speed of the backends that can be used here"))
    return parser


def _info(options: argparse.Namespace) -> int:
    rows = [("backend", "version", "devices, or why it cannot be used")]
    for name, reason in available_backends().items():
        if reason is not None:
            rows.append((name, "-", f"not usable: {reason}"))
            continue
        backend = get_backend(name)
        rows += [(name, backend.version, device) for device in backend.devices()]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for row in rows:
        print(f"{row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[2]}")
    return 0


def _selftest(options: argparse.Namespace) -> int:
    from cutedl_xp.bench import selftest

    backend = get_backend(options.backend, device=options.device)
    checks = []
    for check in selftest.run(backend):
        checks.append(check)
        print("." if check.passed else "F", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print(selftest.report(backend, checks))
    return int(not all(check.passed for check in checks))


def _add_bench(bench: argparse.ArgumentParser) -> None:
    bench.description = "Time a training step and each optimizer's update on several backends, in turn."
    bench.set_defaults(run=_bench)
    add = bench.add_argument
    add("--backends", metavar="A,B", help="such as numpy,torch:cuda (default: all that can be used here)")
    add("--device", help="cpu, cuda, cuda:N or auto, for all of them (default: each library's own choice)")
    add("--model", default="784-10", metavar="WIDTHS", help="such as 784-128-10: inputs, hidden units, outputs")
    add("--batch-sizes", default="64,256", metavar="N,M", help="of the training steps (default: 64,256)")
    add("--rounds", type=int, default=7, help="how often everything is measured, at least 2 (default: 7)")
    add("--block-seconds", type=float, default=0.05, metavar="S", help="of one measurement (default: 0.05)")
    add("--out", type=Path, default=Path("out"), metavar="DIR", help="where bench.csv and bench.png go (default: out)")


def _bench(options: argparse.Namespace) -> int:
    from cutedl_xp import bench  # the whole package, which `info` does without
    from cutedl_xp.bench import machine, report

    widths = _integers("--model", options.model, "-")
    batch_sizes = _integers("--batch-sizes", options.batch_sizes, ",")
    bench.check_plan(widths, batch_sizes, options.rounds, options.block_seconds)
    names = [] if options.backends is None else [name.strip() for name in options.backends.split(",")]
    backends, left_out = bench.choose_backends(names, options.device)
    report.check_folder(options.out)
    for backend in backends:
        print(f"{backend.name} {backend.version} on {backend.device} (devices: {', '.join(backend.devices())})")
    for name, reason in left_out.items():
        print(f"left out: {name}: {reason}")
    print(f"{options.model}, float32, {options.rounds} rounds; {machine.describe_machine()}\n", flush=True)
    results = bench.compare(backends, widths, batch_sizes, options.rounds, options.block_seconds)
    print(report.format_table(results), report.EXPLANATION, sep="\n\n", end="\n\n")
    print(*report.write_files(results, options.out), sep="\n")
    return 0


def _integers(option: str, text: str, separator: str) -> list[int]:
    try:
        return [int(part) for part in text.split(separator)]
    except ValueError as error:
        raise ValueError(f"{option} takes whole numbers with {separator!r} between them; got {text!r}") from error


if __name__ == "__main__":
    sys.exit(main())
