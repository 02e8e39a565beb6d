"""``cutedl-xp compare``: optimizers over seeds."""

from typing import Any

from cutedl_xp.commands import _study, options

OPTIONS = (
    options.CONFIG,
    options.RUNS,
    options.SEEDS,
    options.TUNE,
    options.TRAINING,
    options.STOP,
    options.MACHINE,
    options.WORKERS,
    options.RESULTS,
)
EXAMPLES = """examples:
  cutedl-xp compare --data digits --seeds 10 --epochs 100
    the article's six rules with their default options

  cutedl-xp compare --data digits --model 64-24-10
    --optimizer "adam(lr=0.01)" --optimizer "momentum(lr=0.1)" --seeds 8
    two optimizers; the quotes protect the brackets from the shell

  cutedl-xp compare --data digits --tune 20 --seeds 10
    each rule with the best of 20 trials

  cutedl-xp compare --out out/compare
    makes the missing runs of an interrupted study

  cutedl-xp compare study.toml --epochs 20
    a configuration file; options override it

Runs with the same seed have the same initial weights and the same batches. Finished runs stay in DIR/runs and are not repeated; more optimizers or seeds extend the study."""  # noqa: E501


def run(given: dict[str, Any]) -> int:
    """Compare optimizers with the options ``given`` on the command line."""
    return _study.run("compare", given)
