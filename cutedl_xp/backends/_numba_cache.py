"""The files in which numba keeps compiled functions; damaged or unwritable ones never end a training."""

import warnings
from typing import Any, ClassVar

from numba.core.caching import FunctionCache


def keep_on_disk(compiled: Any) -> None:
    """Let a compiled function be read from the disk and written there, where that is possible."""
    try:
        compiled._cache = RepairingCache(compiled.py_func)
    except (OSError, RuntimeError) as error:  # numba finds no folder that it can write to
        RepairingCache.warn("has no folder", error)


class RepairingCache(FunctionCache):  # type: ignore[misc]  # numba has no type hints
    """numba's cache of one function, except that a failure to read or write a file is a warning.

    numba itself raises the error of the file, such as an EOFError for an empty index after a crash or on a full disk.
    """

    warned: ClassVar[bool] = False

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled code for a signature, or None if there is none that can be read."""
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # unpickling a damaged file may raise anything
            self.warn(f"in {self.cache_path} is damaged", error)
            self._replace_index()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write the compiled code for a signature, if that is possible."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            self.warn(f"in {self.cache_path} cannot be written", error)
            self.disable()

    def _replace_index(self) -> None:
        """Replace the index by an empty one, so that the files are written anew."""
        try:
            self.flush()
        except OSError:
            self.disable()

    @classmethod
    def warn(cls, what: str, error: Exception) -> None:
        """Warn of a fault of the cache, once in a process: a fault of the folder concerns every function."""
        if not RepairingCache.warned:
            RepairingCache.warned = True
            reason = " ".join(str(error).split()) or type(error).__name__
            warnings.warn(
                f"numba's cache {what} ({reason}), so functions are compiled anew; "
                "to choose another folder set $NUMBA_CACHE_DIR",
                RuntimeWarning,
                stacklevel=2,
            )
