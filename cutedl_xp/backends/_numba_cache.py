"""Compiled functions on disk, verified before they are loaded; an error of the disk never ends a training.

The digest of a file finds accidental damage, such as a flipped bit in machine code, which would crash the process.
The digest does not authenticate the file: users who may write to the folder can also write a file with a valid digest,
whose pickle runs code when it is loaded.
"""

import contextlib
import hashlib
import pickle
import time
import uuid
import warnings
from pathlib import Path
from typing import Any, ClassVar

try:
    from numba.core.caching import FunctionCache
except ImportError:  # another version of numba: keep_on_disk fails to make an instance, and warns
    FunctionCache = object

_DIGEST = hashlib.sha256().digest_size
_ABANDONED = 3600.0
"""Age in seconds of a temporary file whose process was killed; writing one takes milliseconds."""


def keep_on_disk(compiled: Any) -> None:
    """Read a compiled function from disk and write it there, if this is possible."""
    try:
        compiled._cache = RepairingCache(compiled.py_func)
    except (OSError, RuntimeError) as error:  # numba finds no folder that it can write to
        RepairingCache.warn("has no folder", error)
    except Exception as error:  # a version of numba with other attributes
        RepairingCache.warn("cannot be used", error)


class RepairingCache(FunctionCache):  # type: ignore[misc]  # numba has no type hints
    """numba's cache of one function with verified files, and a warning for each failure to read or write one."""

    warned: ClassVar[bool] = False
    _cache_file: Any

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        self._cache_file = VerifiedFiles(self._impl.filename_base, self._cache_file)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled code for a signature, or None if no file with the code can be read."""
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # unpickling may raise anything
            self.warn(f"in {self.cache_path} is damaged", error)
            return None  # numba compiles and saves the function, which replaces the file

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write the compiled code for a signature, if this is possible."""
        try:
            super().save_overload(sig, data)
        except Exception as error:  # pickling may raise anything
            self.warn(f"in {self.cache_path} cannot be written", error)
            self.disable()

    @classmethod
    def warn(cls, what: str, error: Exception) -> None:
        """Warn of an error of the cache, once in a process, because an error of the folder affects every function."""
        if not RepairingCache.warned:
            RepairingCache.warned = True
            reason = " ".join(str(error).split()) or type(error).__name__
            warnings.warn(
                f"numba's cache {what} ({reason}), so functions are compiled again; "
                "to choose another folder set $NUMBA_CACHE_DIR",
                RuntimeWarning,
                stacklevel=2,
            )


class VerifiedFiles:
    """Files of one function, one for each signature; they replace numba's ``IndexDataCacheFile``.

    A file holds the SHA-256 digest of the rest of the file, the digest of the code's identity, and the pickled code.
    The identity consists of numba's version, the state of the source file, and numba's key: signature, processor and
    bytecode. numba's version and key also determine the name, so that versions of numba share a folder; a changed
    source file replaces the code.

    Parameters
    ----------
    name
        Beginning of the files' names, which is different for each function and version of Python.
    original
        numba's object for the same function.
    """

    def __init__(self, name: str, original: Any) -> None:
        self._folder = Path(original._cache_path)
        self._name = name
        self._version, self._stamp = original._version, original._source_stamp
        self._dump = original._dump

    def load(self, key: Any) -> Any:
        """Return the code that was saved for a key, or None if no code of this version of the source file was saved."""
        path = self._path(key)
        try:
            if not path.is_file() and path.exists():
                raise OSError(f"{path.name} is not a regular file")  # reading a pipe would block
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        digest, rest = content[:_DIGEST], content[_DIGEST:]
        if hashlib.sha256(rest).digest() != digest:
            raise ValueError(f"{path.name} differs from its digest")
        if rest[:_DIGEST] != self._identity(key):
            return None
        return pickle.loads(rest[_DIGEST:])  # noqa: S301  # these very bytes were verified above

    def save(self, key: Any, code: Any) -> None:
        """Write a file for the code, or replace the file."""
        rest = self._identity(key) + self._dump(code)
        self._remove_abandoned_files()
        path = self._path(key)
        temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex[:16]}.tmp")
        try:
            with open(temporary, "wb") as file:
                file.write(hashlib.sha256(rest).digest() + rest)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def _path(self, key: Any) -> Path:
        which = hashlib.sha256(repr((self._version, key)).encode()).hexdigest()[:16]
        return self._folder / f"{self._name}.{which}.nbc"

    def _identity(self, key: Any) -> bytes:
        return hashlib.sha256(repr((self._version, self._stamp, key)).encode()).digest()

    def _remove_abandoned_files(self) -> None:
        for path in self._folder.glob("*.nbc.*.tmp"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _ABANDONED:
                    path.unlink()
