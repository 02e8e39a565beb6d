"""Study: a plan, the folder of its finished runs, and the execution of the missing runs."""

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from cutedl_xp import _checks
from cutedl_xp._machine import count_cores
from cutedl_xp.backends import get_backend
from cutedl_xp.studies import report, tuning
from cutedl_xp.studies.checks import check_data, resolve_device
from cutedl_xp.studies.executors import Outcome, Task, run_in_this_process, run_on_dask, run_on_this_machine
from cutedl_xp.studies.optimizer_text import rule_name
from cutedl_xp.studies.plan import Plan, PlannedTask
from cutedl_xp.studies.run import RunSpec
from cutedl_xp.studies.store import Key, Store, find_free_folder, key_of
from cutedl_xp.training.events import Listener


class Study:
    """Comparison or sweep in a folder, which can be interrupted, continued and extended.

    Parameters
    ----------
    folder
        Folder of the study. An existing study is extended by the plan's optimizers, seeds, rates, data sets and models.
    plan
        Plan of the runs; default None for the plan in the folder.
    new
        Whether to use the next free name, such as ``folder-2``, if the folder holds a study; default False.

    Raises
    ------
    ImportError, OSError, TypeError, ValueError
        If the plan cannot be carried out, or the folder holds a study with other settings or damaged files.

    Notes
    -----
    Only :meth:`run` and :meth:`write` change the folder.

    Examples
    --------
    >>> from cutedl_xp import studies
    >>> plan = studies.Plan(
    ...     data=["digits"],
    ...     models=["64-10"],
    ...     optimizers=["adam(lr=0.01)"],
    ...     seeds=[1],
    ...     settings=studies.Settings(epochs=1),
    ... )
    >>> study = studies.Study("study", plan)
    >>> [str(spec) for spec in study.missing]
    ['adam(lr=0.01), seed 1']
    """

    def __init__(self, folder: str | os.PathLike[str], plan: Plan | None = None, *, new: bool = False) -> None:
        self._store = Store(find_free_folder(Path(folder)) if new else Path(folder))
        digests: dict[str, str] = {}
        if self._store.exists or plan is None:
            stored, digests = self._store.read_plan()
            self.plan = stored if plan is None else stored.extended_by(resolve_device(plan))
        else:
            self.plan = resolve_device(plan)
        self._digests, self._tasks = check_data(self.plan, digests)
        self._runs = self._store.read_runs(self.plan.settings, self._digests)

    @property
    def folder(self) -> Path:
        """Folder of the study."""
        return self._store.folder

    @property
    def runs(self) -> list[dict[str, Any]]:
        """Finished runs as plain values, in the order of the plan."""
        specs = [*self._trial_specs(), *self._final_specs()]
        return [self._runs[_key_of(spec)] for spec in specs if _key_of(spec) in self._runs]

    @property
    def missing(self) -> list[RunSpec]:
        """Missing runs that can be executed now, first the trials of the tuning, and after them the final runs."""
        return self._missing(self._trial_specs()) or self._missing(self._final_specs())

    def _missing(self, specs: Sequence[RunSpec]) -> list[RunSpec]:
        missing = [spec for spec in specs if _key_of(spec) not in self._runs]
        return [replace(spec, data_sha256=self._digests[spec.data]) for spec in missing]

    def _trial_specs(self) -> list[RunSpec]:
        return self.plan.trials(self._tasks)

    def _final_specs(self) -> list[RunSpec]:
        if not self.plan.tune:
            return self.plan.runs(self._tasks)
        best: dict[PlannedTask, list[str]] = {}
        for task in self._tasks:
            trials = self.plan.trials([task])
            # If some trials of a rule are not finished, one of them may still become the best.
            unfinished = {rule_name(spec.optimizer) for spec in self._missing(trials)}
            finished = [spec for spec in trials if rule_name(spec.optimizer) not in unfinished]
            best[task] = tuning.best(self._runs[_key_of(spec)] for spec in finished)
        return self.plan.tuned_runs(best)

    def prepare(self, scheduler: str | None = None) -> None:
        """Check the requirements of the missing runs, and write the plan into the folder; :meth:`run` calls this too.

        Parameters
        ----------
        scheduler
            As in :meth:`run`.
        """
        if self.missing and scheduler is None:  # the workers of a cluster may have devices that this machine lacks
            get_backend(self.plan.settings.backend, device=self.plan.settings.device)
        report.check_installed()
        if self.missing or not self._store.exists:
            self._store.write_plan(self.plan, self._digests)

    @contextmanager
    def discarded_if_unused(self) -> Iterator[None]:
        """Return a context that removes a new folder after an error or Ctrl-C before the first run or checkpoint."""
        try:
            yield
        except BaseException:
            self._store.discard_if_unused()
            raise

    def run(
        self,
        jobs: int | None = None,
        scheduler: str | None = None,
        checkpoint_every: int = 10,
        ended: Callable[[Outcome], None] | None = None,
        follow: Callable[[RunSpec], Sequence[Listener]] = lambda spec: (),
    ) -> list[Outcome]:
        """Execute the missing runs; each is stored in the folder as soon as it has finished.

        Parameters
        ----------
        jobs
            Number of processes on this machine, at least 1; default None for one process for each core. With 1 the runs
            are executed in this process. The number does not change the results.
        scheduler
            Address of a Dask scheduler, whose workers execute the runs; default None for this machine.
        checkpoint_every
            Number of epochs between two checkpoints of a run on this machine, default 10; 0 for none.
        ended
            Function that is called with the outcome of each run after the run is stored.
        follow
            Function that returns the listeners that observe a run in this process; by default none.

        Returns
        -------
        list of Outcome
            Failed runs, which the next call executes again.

        Raises
        ------
        KeyboardInterrupt
            After Ctrl-C; finished runs are in the folder. A new folder without runs is removed.
        ImportError, OSError, TypeError, ValueError
            If an argument is not as described, the backend or the scheduler does not answer, or the folder cannot be
            written to.
        """
        if jobs is not None:
            _checks.check_integer("jobs", jobs, at_least=1)
        _checks.check_integer("checkpoint_every", checkpoint_every, at_least=0)
        failed: list[Outcome] = []
        with self.discarded_if_unused():
            self.prepare(scheduler)
            for stage in (self._trial_specs, self._final_specs):
                specs = self._missing(stage())
                if not specs:
                    continue
                with closing(self._execute(specs, jobs, scheduler, checkpoint_every, follow)) as outcomes:
                    for outcome in outcomes:
                        self._keep(outcome, failed)
                        if ended is not None:
                            ended(outcome)
        if not self.missing:
            self._store.remove_checkpoints()
        return failed

    def _execute(
        self,
        specs: Sequence[RunSpec],
        jobs: int | None,
        scheduler: str | None,
        checkpoint_every: int,
        follow: Callable[[RunSpec], Sequence[Listener]],
    ) -> Generator[Outcome, None, None]:
        if scheduler is not None:
            return run_on_dask([Task(spec) for spec in specs], scheduler)
        jobs = min(jobs or count_cores(), len(specs))
        tasks = [Task(spec, self._store.checkpoint_path(spec), checkpoint_every) for spec in specs]
        return run_on_this_machine(tasks, jobs) if jobs > 1 else run_in_this_process(tasks, follow)

    def _keep(self, outcome: Outcome, failed: list[Outcome]) -> None:
        if outcome.run is None:
            failed.append(outcome)
            return
        self._runs[_key_of(outcome.spec)] = self._store.add(outcome.spec, outcome.run)

    def write(self) -> list[Path]:
        """Write the tables and the pictures of the finished runs into the folder, and return their paths.

        Raises
        ------
        ImportError
            If SciPy or Matplotlib is not installed.
        OSError
            If a file cannot be written.
        """
        return report.write(self.plan.kind, self.runs, self.folder)


def read(folder: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Return all finished runs of a study's folder as plain values.

    Parameters
    ----------
    folder
        Folder of a study, which may be incomplete.

    Returns
    -------
    list of dict
        For each run its ``"data"``, ``"model"``, ``"optimizer"``, ``"seed"``, ``"purpose"``, ``"settings"``,
        ``"figures"``, ``"history"``, ``"stopped_by"``, ``"stop_reason"``, ``"versions"`` and ``"machine"``.

    Raises
    ------
    OSError, ValueError
        If the folder holds no study, or a file in it is damaged.

    Examples
    --------
    >>> from cutedl_xp import studies
    >>> best = max(studies.read("out/compare"), key=lambda run: run["figures"]["test_accuracy"])  # doctest: +SKIP
    """
    store = Store(Path(folder))
    plan, digests = store.read_plan()
    return list(store.read_runs(plan.settings, digests).values())


def _key_of(spec: RunSpec) -> Key:
    return key_of(vars(spec))
