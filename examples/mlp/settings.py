"""The settings that decide the results, in a file beside them: ``--resume`` goes on with these."""

import argparse
import dataclasses
import json
import os
import typing
from dataclasses import dataclass
from pathlib import Path

import folders
import images
from article import EXPERIMENTS
from runs import Plan

from cutedl_xp import Backend
from cutedl_xp.files.atomic import write_atomically


@dataclass(frozen=True)
class Settings:
    """Everything that decides the results of a program.

    ``optimizer``, ``seed``, ``seeds``, ``epochs``, ``checkpoint_every``, ``backend`` and ``device`` are the options of
    these names; ``data_dir`` and ``fallback`` say where the images come from, and ``sha256`` is their digest.
    """

    optimizer: str
    seed: int
    seeds: int
    epochs: int
    checkpoint_every: int
    backend: str | None
    device: str | None
    data_dir: str | None
    fallback: bool
    sha256: str

    def __post_init__(self) -> None:
        for name, kind in typing.get_type_hints(type(self)).items():
            if not isinstance(getattr(self, name), kind):
                raise TypeError(f"{name} cannot be {getattr(self, name)!r}")
        if self.optimizer not in (*EXPERIMENTS, "all"):
            raise ValueError(f"optimizer cannot be {self.optimizer!r}")
        if min(self.seed, self.seeds - 1, self.epochs - 1, self.checkpoint_every) < 0:
            raise ValueError("a number is too small")

    @property
    def all_seeds(self) -> range:
        """The seeds of the runs."""
        return range(self.seed, self.seed + self.seeds)

    def plans(self, source: images.Source, folder: Path) -> list[Plan]:
        """Return the plans of all runs, in the order of the results."""
        names = list(EXPERIMENTS) if self.optimizer == "all" else [self.optimizer]
        where = self.backend, self.device, folder / folders.CHECKPOINTS, self.checkpoint_every
        return [Plan(name, seed, self.epochs, source, *where) for name in names for seed in self.all_seeds]

    def write(self, folder: Path) -> None:
        """Write the settings into a folder of results."""
        write_atomically(folder / folders.SETTINGS, (json.dumps(dataclasses.asdict(self), indent=1) + "\n").encode())


def decide(args: argparse.Namespace, backend: Backend, source: images.Source) -> Settings:
    """Return the settings of a new call; the choices of the environment and of ``auto`` are kept as they came out."""
    name, device = args.backend, args.device
    if name is None and device is None:
        name = os.environ.get("CUTEDL_XP_BACKEND") or "numpy"
    if device == "auto":
        device = "cpu" if backend.name == "numpy" else "cuda"
    return Settings(
        args.optimizer,
        args.seed,
        args.seeds,
        args.epochs,
        args.checkpoint_every,
        name,
        device,
        source.data_dir,
        source.fallback,
        source.sha256,
    )


def read(folder: Path) -> Settings:
    """Return the settings of a folder of results.

    Raises
    ------
    OSError, ValueError
        If the folder has no settings, or they are damaged.
    """
    path = folder / folders.SETTINGS
    if not path.is_file():  # a FIFO would block
        raise FileNotFoundError(
            f"--resume needs the folder of an earlier call, and {folder} has no {folders.SETTINGS}; name another folder"
        )
    try:
        return Settings(**json.loads(path.read_text(encoding="utf-8")))
    except (RecursionError, TypeError, ValueError) as error:
        why = " ".join(str(error).split())
        raise ValueError(f"{path} is damaged ({why}); restore it, or begin anew with another --out") from error
