"""``cutedl-xp sweep``: optimizers over a grid of learning rates."""

from typing import Any

from cutedl_xp.commands import _study, options

OPTIONS = (
    options.CONFIG,
    options.RUNS,
    options.SEEDS,
    options.RATES,
    options.TRAINING,
    options.STOP,
    options.MACHINE,
    options.WORKERS,
    options.RESULTS,
)
EXAMPLES = """examples:
  cutedl-xp sweep --data digits --optimizer adam
    nine rates from 0.0001 to 1, three seeds

  cutedl-xp sweep --data digits --optimizer adam
    --optimizer adadelta --rates 1e-5:1:11
    --rates adadelta=0.01:1000:11
    adadelta's rate is a factor of its step

  cutedl-xp sweep --out out/sweep --rates 2,5,10
    adds rates to a study

  cutedl-xp sweep --data digits --schedule cosine"""


def run(given: dict[str, Any]) -> int:
    """Compare optimizers over learning rates with the options ``given`` on the command line."""
    return _study.run("sweep", given)
