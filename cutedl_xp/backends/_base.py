"""Interface of backends."""

import contextlib
import functools
import os
from collections.abc import Callable
from typing import Any, ClassVar

from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends._conversions import Conversions
from cutedl_xp.backends._steps import StepFunction, Tree, fill, flatten, map_tree

_FUSED = "CUTEDL_XP_FUSED"


class BackendUnavailable(RuntimeError):
    """Error for a backend that cannot be used on this machine; the message has the reason and the remedy.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> try:
    ...     backend = cdl.get_backend("cupy")
    ... except cdl.BackendUnavailable:
    ...     backend = cdl.get_backend("numpy")
    """


class Backend(Conversions):
    """Array library on one device.

    :func:`get_backend` returns backends. A new backend derives from this class and defines :meth:`owns`,
    :meth:`to_numpy` and ``_from_numpy``; all other methods have defaults written against the Array API standard.

    Parameters
    ----------
    device
        Device as the library names it; default None, the library's default device. :func:`get_backend` passes the part
        of a name after the colon, such as ``"cuda"`` of ``"torch:cuda"``.

    Attributes
    ----------
    name
        Name for :func:`get_backend`, such as ``"numpy"``.
    xp
        Namespace of the library with the functions of the Array API standard.
    device
        Device of the arrays, as the library names it.
    version
        Version of the library.
    has_views
        Whether arrays can be written to, and slices of an array share its memory.
    reduces_runs
        Whether a sum over several arrays that are contiguous in memory is computed as one sum.
    compiles_steps
        Whether :meth:`run_steps` compiles the steps of a training. If False, the trainer runs its plain loop.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> backend = cdl.get_backend("numpy")
    >>> x = backend.asarray([[1.0, 2.0], [3.0, 4.0]])
    >>> x.dtype.name, backend.matmul(x, x).tolist()
    ('float32', [[7.0, 10.0], [15.0, 22.0]])
    >>> float(backend.xp.mean(x))
    2.5
    """

    name: str
    xp: Namespace
    device: Any
    version: str
    has_views: ClassVar[bool] = True
    compiles_steps: ClassVar[bool] = False

    def __init__(self, device: str | None = None) -> None:
        """Select the library's default device, or the given one."""

    @classmethod
    def of(cls, array: Array) -> "Backend":
        """Return the backend on the device of ``array``."""
        return cls(cls._device_name(array.device))

    @classmethod
    def _device_name(cls, device: Any) -> str:
        """Return the argument of the constructor for a device of the library."""
        return str(device)

    def devices(self) -> list[str]:
        """Return descriptions of the devices that the library has on this machine."""
        return [str(self.device)]

    @functools.cached_property
    def fused(self) -> bool:
        """Whether elementwise functions run as fused kernels; ``CUTEDL_XP_FUSED=0`` runs each operation separately."""
        wanted = os.environ.get(_FUSED) or "1"
        if wanted not in ("0", "1"):
            raise ValueError(f"${_FUSED} must be 1 (fused kernels, the default) or 0 (none); got {wanted!r}")
        return wanted == "1"

    def why_not_compiled(self) -> str | None:
        """Return why this backend cannot compile training steps, as a sentence, or None if it can."""
        if not self.fused:
            return f"${_FUSED} is 0"
        return None if self.compiles_steps else f"the backend {self.name!r} runs the operations one after the other"

    def why_not_by_default(self) -> str | None:
        """Return why training steps are compiled on request only, as a sentence, or None if they are by default."""
        return None

    def run_steps(
        self, step: StepFunction, state: Tree, constants: Tree, inputs: Tree, count: int
    ) -> tuple[Tree, Callable[[], None]]:
        """Run a chunk of steps.

        Parameters
        ----------
        step
            Step to run. A backend keeps its compiled programs in ``step.compiled``.
        state
            Arrays that the steps replace. If arrays cannot be written to, do not use these after the call; otherwise
            they hold the new values.
        constants
            Arrays that the steps read, the same objects in every chunk.
        inputs
            NumPy arrays of this chunk, of the same shapes and dtypes in every chunk.
        count
            Number of steps, at least 1.

        Returns
        -------
        state, wait
            The new state, and a function that returns when the device has finished the chunk.

        Raises
        ------
        NotCompilable
            If the step cannot be compiled.
        """
        uploaded = map_tree(self.asarray, inputs)
        for k in range(count):
            new = step.function(state, constants, uploaded, k)
            written = [
                target if leaf is target else self.write(target, leaf)
                for target, leaf in zip(flatten(state), flatten(new), strict=True)
            ]
            state = fill(new, written)
        return state, self.synchronize

    def active(self) -> contextlib.AbstractContextManager[object]:
        """Return a context in which the library's current device is the device of this backend."""
        return contextlib.nullcontext()

    @property
    def float32_products(self) -> str:
        """Format in which matrix products of float32 are computed, with the setting that selected another format."""
        return "float32"

    def synchronize(self) -> None:
        """Wait until the device has done its work; return at once if the library computes synchronously."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        """Copy and pickle the backend by the name of its device, because modules and devices cannot be pickled."""
        return type(self), (self._device_name(self.device),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Backend) and (self.name, self.device) == (other.name, other.device)

    def __hash__(self) -> int:
        return hash((self.name, str(self.device)))

    def __repr__(self) -> str:
        return f"<backend {self.name} on {self.device}>"
