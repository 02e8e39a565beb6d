"""A study on a Dask cluster of two worker processes gives the results of one machine, also if a worker is killed."""

import os
import signal

import pytest
import work_of_studies

from cutedl_xp import studies
from cutedl_xp.studies.executors import Task, run_on_dask

distributed = pytest.importorskip("distributed")
pytest.importorskip("loky")
pytest.importorskip("sklearn")
pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="kills processes by signals"),
    pytest.mark.filterwarnings("default"),  # of Dask, such as those of a killed worker
]


@pytest.fixture
def cluster():
    import dask

    folder = os.path.dirname(work_of_studies.__file__)
    environment = {"PYTHONPATH": os.pathsep.join([folder, os.environ.get("PYTHONPATH", "")])}
    with (
        dask.config.set({"distributed.nanny.environ": environment, "distributed.worker.daemon": False}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        ) as made,
    ):
        yield made


@pytest.fixture
def plan():
    return studies.Plan(
        data=["digits"],
        models=["64-16-10"],
        optimizers=["adam(lr=0.001)", "momentum(lr=0.01)"],
        seeds=[1, 2, 3, 4],
        settings=studies.Settings(epochs=20),
    )


def without_times(runs):
    return [
        {
            **run,
            "history": {name: value for name, value in run["history"].items() if name != "cost_time"},
            "figures": {name: value for name, value in run["figures"].items() if not name.startswith("seconds")},
            "machine": None,
        }
        for run in runs
    ]


def test_a_killed_worker_does_not_change_results(cluster, plan, tmp_path):
    alone = studies.Study(tmp_path / "alone", plan)
    assert alone.run() == []
    processes = [worker.pid for worker in cluster.workers.values()]
    study = studies.Study(tmp_path / "cluster", plan)

    def kill_a_worker(outcome):
        if processes:
            os.kill(processes.pop(), signal.SIGKILL)
            processes.clear()

    assert study.run(scheduler=cluster.scheduler_address, ended=kill_a_worker) == []
    assert study.missing == []
    assert without_times(study.runs) == without_times(alone.runs)
    assert len(list((tmp_path / "cluster" / "runs").iterdir())) == 8


def test_a_task_that_kills_its_worker_fails(cluster, plan, monkeypatch):
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)  # with the default of 3, no worker may be left
    optimizer = plan.optimizers[0]
    tasks = [Task(spec) for spec in plan.runs(plan.tasks) if spec.optimizer == optimizer]
    ended = run_on_dask(tasks, cluster.scheduler_address, work_of_studies.always_die)
    outcomes = {outcome.spec.seed: outcome for outcome in ended}
    assert set(outcomes) == {1, 2, 3, 4}
    assert outcomes[1].run is None
    assert all("workers died" in outcome.error for outcome in outcomes.values() if outcome.run is None)


def test_a_scheduler_that_does_not_answer_is_refused_in_one_sentence(plan):
    with pytest.raises(OSError, match=r"the Dask scheduler 'tcp://127.0.0.1:9' does not answer"):
        next(run_on_dask([Task(plan.runs(plan.tasks)[0])], "tcp://127.0.0.1:9"))
