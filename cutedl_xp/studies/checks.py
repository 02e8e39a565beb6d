"""Checks of a plan against the machine and the data, before any work."""

import math
from collections.abc import Mapping
from dataclasses import replace

from cutedl_xp.backends import get_backend
from cutedl_xp.studies import data, optimizer_text
from cutedl_xp.studies.plan import Plan, PlannedTask
from cutedl_xp.studies.settings import Settings


def resolve_device(plan: Plan) -> Plan:
    """Return a plan with a device instead of ``"auto"``, which may be another device when the study is resumed."""
    if plan.settings.device != "auto":
        return plan
    backend = get_backend(device="auto")
    device = "cpu" if backend.name == "numpy" else "cuda"
    return replace(plan, settings=Settings.from_dict(plan.settings.to_dict() | {"device": device}))


def check_data(plan: Plan, digests: Mapping[str, str]) -> tuple[dict[str, str], list[PlannedTask]]:
    """Return the digests of the data and the fitting pairs; raise for changed data, and data or models in no pair."""
    settings = plan.settings
    found, tasks, misfits = {}, [], {}
    for text in plan.data:
        parts = data.load(text, validation=settings.validation, target_column=settings.target_column)
        for model in plan.models:
            try:
                data.check_fits(parts, model)
                tasks.append((text, model))
            except ValueError as error:
                misfits[text, model] = error
        steps = settings.epochs * math.ceil(len(parts.train[0]) / settings.batch_size)
        for optimizer in plan.optimizers:
            optimizer_text.make(optimizer, settings.schedule, steps)  # raises for a schedule that is longer
        found[text] = parts.sha256
        if digests.get(text, parts.sha256) != parts.sha256:
            raise ValueError(
                f"the data {text!r} has changed since this study began, by its SHA-256; restore it, or begin another "
                "study with --new"
            )
    for (text, model), misfit in misfits.items():
        if text not in {task[0] for task in tasks} or model not in {task[1] for task in tasks}:
            raise misfit
    return found, tasks
