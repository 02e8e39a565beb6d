"""Checks before the runs, for a new call and for ``--resume``."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import command_line
import folders
import images
import results
import runs
import screen
import settings
from settings import Settings

import cutedl_xp as cdl


class Job(NamedTuple):
    """Runs that can be made, and the book for their results; ``found`` is a sentence about other images than MNIST."""

    source: images.Source
    found: str
    book: results.Book


def begin(args: argparse.Namespace) -> Job:
    """Prepare a new call."""
    backend = _check(args.backend, args.device, args.checkpoint_every)
    folder = folders.new_folder(args.out)
    try:
        source, found = images.find(args.data_dir)
        chosen = settings.decide(args, backend, source)
        chosen.write(folder)
        return Job(source, found, _book(chosen, backend, source, folder, args.jobs))
    except BaseException:
        folders.remove_if_unused(folder)
        raise


def resume(args: argparse.Namespace) -> Job:
    """Prepare to go on with an earlier call; images in another folder than then are accepted if they are the same."""
    chosen, folder = settings.read(args.resume), args.resume
    backend = _check(chosen.backend, chosen.device, chosen.checkpoint_every)
    folders.check_writable(folder)
    source, found = images.find_again(
        args.data_dir or chosen.data_dir, chosen.fallback and args.data_dir is None, chosen.sha256
    )
    before = results.read_before(folder, chosen.plans(source, folder))
    book = _book(chosen, backend, source, folder, args.jobs, before)
    for plan in book.unfinished:
        if plan.begun:
            runs.load(plan, backend)
    return Job(source, found, book)


def _check(name: str | None, device: str | None, checkpoint_every: int) -> cdl.Backend:
    """Return the backend, if everything that the runs need is installed."""
    backend = cdl.get_backend(name, device=device)
    cdl.listeners.Progress()  # needs tqdm
    cdl.plotting.comparison({})  # needs matplotlib
    command_line.check_installed(checkpoint_every)
    return backend


def _book(
    chosen: Settings,
    backend: cdl.Backend,
    source: images.Source,
    folder: Path,
    jobs: int,
    before: Sequence[runs.RunResult] = (),
) -> results.Book:
    plans = chosen.plans(source, folder)
    if chosen.checkpoint_every:
        (folder / folders.CHECKPOINTS).mkdir(exist_ok=True)
    caption = screen.caption(source, backend, min(jobs, len(plans)), chosen.all_seeds)
    return results.Book(folder, plans, source, caption, before)
