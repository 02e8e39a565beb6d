"""Training steps of a session: compiled where possible, otherwise in a plain loop."""

from collections.abc import Callable
from functools import partial

from cutedl_xp._compilable import is_own
from cutedl_xp.backends import NotCompilable
from cutedl_xp.training.compilation import Compilation
from cutedl_xp.training.compiled_steps import CompiledSteps
from cutedl_xp.training.fit import Fit
from cutedl_xp.training.plain_steps import PlainSteps
from cutedl_xp.training.step import TrainingStep


class SessionSteps:
    """Compiled steps with a plain loop as the fallback if the backend cannot compile them.

    Parameters
    ----------
    fit
        Training that the steps belong to.
    compilation
        Whether the steps are compiled.
    report
        Function that is called with the reason if the backend cannot compile them.
    insist
        Whether a failure to compile is an error.
    longest
        Largest number of steps in a chunk; listeners are called between chunks.

    Attributes
    ----------
    warning
        Text of the warning after the training; empty without one.
    """

    def __init__(
        self,
        fit: Fit,
        compilation: Compilation,
        report: Callable[[Compilation], None],
        *,
        insist: bool,
        longest: int,
    ) -> None:
        self._fit, self._insist, self._report, self.warning = fit, insist, report, ""
        self._own_penalties = not all(map(is_own, fit.regularizers))  # a user's may be written for the plain loop
        norm, model = fit.gradient_norm, fit.model
        look = None if norm is None else partial(norm.measure, model)
        step = TrainingStep(model, fit.evaluation.loss, fit.optimizer, fit.regularizers, look)
        self._plain = PlainSteps(fit, step)
        self._current: PlainSteps | CompiledSteps = self._plain
        if compilation and model.backend.compiles_steps:
            self._current = CompiledSteps(fit, step, self._plain, longest)

    def begin_epoch(self) -> None:
        """Prepare the remaining batches of the current epoch."""
        self._current.begin_epoch()

    def run(self, limit: int) -> None:
        """Run up to ``limit`` steps within the epoch.

        Raises
        ------
        ValueError
            If the steps must be compiled, and the backend cannot compile them.
        """
        position = self._fit.position
        last = position.step + limit
        try:
            self._current.run(limit)
        except NotCompilable as error:
            self._report(Compilation(False, str(error)))
            if self._insist:
                raise ValueError(f"`compiled` is True, but {error}; leave `compiled` out for the plain loop") from error
            if not self._own_penalties:
                self.warning = f"the training continued in the plain loop, as {error}"
            self._current = self._plain
            self._plain.begin_epoch()
            self._plain.run(last - position.step)
