"""``cutedl-xp bench``: compare the speed of the backends."""

import argparse
from pathlib import Path

from cutedl_xp import bench
from cutedl_xp._machine import describe_machine
from cutedl_xp.bench import report
from cutedl_xp.commands._environment import share_gpu_memory
from cutedl_xp.files.folders import removed_if_empty

NAME = "bench"
HELP = "compare the speed of the available backends"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the comparison."""
    parser.description = "Time a training step and each optimizer's update on several backends, in turn."
    add = parser.add_argument
    add("--backends", metavar="A,B", help="such as numpy,torch:cuda (default: all available ones)")
    add("--device", help="cpu, cuda, cuda:N or auto, for every library (default: the library's own choice)")
    add("--model", default="784-10", metavar="WIDTHS", help="such as 784-128-10: inputs, hidden units, outputs")
    add("--batch-sizes", default="64,256", metavar="N,M", help="batch sizes of the training steps (default: 64,256)")
    add("--rounds", type=int, default=7, help="number of measurements of each task, at least 2 (default: 7)")
    add("--block-seconds", type=float, default=0.05, metavar="S", help="duration of a measurement (default: 0.05)")
    add("--compiled", choices=("yes", "no"), help="training steps compiled or in a plain loop (default: as in fit)")
    add("--out", type=Path, default=Path("out"), metavar="DIR", help="folder of bench.csv and bench.png (default: out)")


def run(options: argparse.Namespace) -> int:
    """Measure, print the table and write the files."""
    compiled = None if options.compiled is None else options.compiled == "yes"
    widths = _parse_integers("--model", options.model, "-")
    batch_sizes = _parse_integers("--batch-sizes", options.batch_sizes, ",")
    bench.check_plan(widths, batch_sizes, options.rounds, options.block_seconds)
    names = [] if options.backends is None else [name.strip() for name in options.backends.split(",")]
    share_gpu_memory()
    backends, left_out = bench.choose_backends(names, options.device)
    with removed_if_empty(options.out):
        report.check_folder(options.out)
        for backend in backends:
            print(f"{backend.name} {backend.version} on {backend.device} (devices: {', '.join(backend.devices())})")
            print(f"  float32 products: {backend.float32_products}")
        for name, reason in left_out.items():
            print(f"left out: {name}: {reason}")
        print(f"{options.model}, float32, {options.rounds} rounds; {describe_machine()}\n", flush=True)
        results = bench.compare(backends, widths, batch_sizes, options.rounds, options.block_seconds, compiled)
    print(report.format_table(results), report.EXPLANATION, sep="\n\n", end="\n\n")
    print(*report.write_files(results, options.out), sep="\n")
    return 0


def _parse_integers(option: str, text: str, separator: str) -> list[int]:
    try:
        return [int(part) for part in text.split(separator)]
    except ValueError as error:
        raise ValueError(f"{option} takes whole numbers with {separator!r} between them; got {text!r}") from error
