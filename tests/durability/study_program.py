"""A program that makes the missing runs of a study: ``python -m durability.study_program FOLDER DATA JOBS``."""

import sys

from cutedl_xp import studies


def make_plan(data: str) -> studies.Plan:
    """Return a plan of six runs that take a few seconds together, some of which stop early."""
    return studies.Plan(
        data=[data],
        models=["8-16-3"],
        optimizers=["adam(lr=0.01)", "momentum(lr=0.01)", "adagrad(lr=0.1)"],
        seeds=[1, 2],
        settings=studies.Settings(epochs=300, patience=100, output_activation="relu", schedule="cosine"),
    )


if __name__ == "__main__":  # processes of an executor import this module
    study = studies.Study(sys.argv[1], make_plan(sys.argv[2]))
    print("begun", flush=True)
    failed = study.run(jobs=int(sys.argv[3]), checkpoint_every=3)
    sys.exit(f"failed: {failed}" if failed else 0)
