"""Pass damaged files to a reader, in a separate process: ``python -m durability.readers NAME COUNT SEED FOLDER``.

The process prints a JSON object of counts, and fails at the first file that the reader treats in an undocumented way.
"""

import gzip
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from cutedl_xp import Dataset, Model, Session
from cutedl_xp.datasets import _idx
from cutedl_xp.files import arrays as files
from cutedl_xp.files import layout
from cutedl_xp.layers import Dense, Dropout, Flatten
from cutedl_xp.listeners import EarlyStopping
from cutedl_xp.losses import Mse
from cutedl_xp.optimizers import Adam, ClipByNorm, Groups, Momentum, SkipNonFinite
from cutedl_xp.regularizers import L2
from cutedl_xp.schedules import Cosine
from durability.mutator import Mutator
from idx_files import idx

ARRAYS = [np.arange(24, dtype=np.uint8).reshape(4, 3, 2), np.arange(16, dtype=np.uint8).reshape(2, 2, 4)]
IDX_FILES = [idx(array) for array in ARRAYS]
Source = Callable[[], bytes]


def plain_idx(seed: int) -> Source:
    return Mutator(IDX_FILES, seed)


def compressed_idx(seed: int) -> Source:
    """Return a source of damaged gzip streams, and of intact streams with damaged content."""
    outside = Mutator([gzip.compress(content, mtime=0) for content in IDX_FILES], seed)
    inside = Mutator(IDX_FILES, seed + 1)
    return lambda: outside() if outside.random.random() < 0.5 else gzip.compress(inside(), 1, mtime=0)


def read_plain_idx(path: Path, content: bytes) -> None:
    if idx(_idx.read(path, 3).array) != content:
        raise AssertionError("the array is not the one of the file")


def read_compressed_idx(path: Path, content: bytes) -> None:
    if idx(_idx.read(path, 3).array) != gzip.decompress(content):
        raise AssertionError("the array is not the one of the file")


def model_file(seed: int) -> Source:
    """Return a source of damaged model files, and of intact files that describe another model or none."""
    path = Path(sys.argv[4]) / "sample"
    model = Model([Flatten(), Dense(3, 4, "tanh"), Dropout(0.5), Dense(2, activation="relu")]).assemble("numpy", seed=0)
    model.save(path)
    arrays = model.weights()
    layers = [{"class": type(layer).__name__, "config": layer.config()} for layer in model.layers]
    header = json.dumps({"format": 1, "kind": "model", "dtype": "float32", "layers": layers}).encode()
    outside, inside, numbers = Mutator([path.read_bytes()], seed), *inner_mutators(header, seed)

    def make() -> bytes:
        chosen = outside.random.choice((outside, inside, numbers))
        if chosen is outside:
            return outside()
        text = chosen().decode(errors="replace")
        return safetensors.numpy.save(arrays, {"cutedl_xp": text})

    return make


def session_file(seed: int) -> Source:
    """Return a source of damaged checkpoints, and of intact ones that describe another session or none."""
    path = Path(sys.argv[4]) / "sample"
    rule = Groups({"*/weight": ClipByNorm(Adam(Cosine(0.1, updates=9)), 1.0), "*": SkipNonFinite(Momentum())})
    model = Model([Dense(2, 2, "tanh"), Dropout(0.5), Dense(1, activation="relu")]).assemble("numpy", seed=0)
    session = Session(model, Mse(), rule, [L2(0.1)])
    data = Dataset(np.ones((4, 2)), np.ones((4, 1)), batch_size=2)
    session.fit(data, 2, val_data=data, listeners=[EarlyStopping()])
    session.save(path)
    arrays, header = files.read(path)
    content = b"".join(arrays[name].tobytes() for name in layout.sort_names(arrays))
    ordered = {name: arrays[name] for name in layout.sort_names(arrays)}
    outside, inside, numbers = Mutator([path.read_bytes()], seed), *inner_mutators(json.dumps(header).encode(), seed)

    def make() -> bytes:
        chosen = outside.random.choice((outside, inside, numbers))
        if chosen is outside:
            return outside()
        text = chosen().decode(errors="replace")
        head = layout.make_head(ordered, {"cutedl_xp": text}, [memoryview(content)])  # with a matching digest
        return head + content

    return make


def inner_mutators(header: bytes, seed: int) -> tuple[Mutator, Mutator]:
    """Return a mutator of the text of a header, and a mutator of its numbers, which keeps it valid JSON."""
    inside, numbers = (Mutator([header], seed + more) for more in (1, 2))
    numbers.mutations = (numbers.set_number,)
    return inside, numbers


def read_session_file(path: Path, content: bytes) -> None:
    Session.load(path, backend="numpy")


def read_model_file(path: Path, content: bytes) -> None:
    Model.load(path, backend="numpy")


READERS: dict[str, tuple[Callable[[int], Source], Callable[[Path, bytes], None], str]] = {
    "idx": (plain_idx, read_plain_idx, "file"),
    "idx.gz": (compressed_idx, read_compressed_idx, "file.gz"),
    "model": (model_file, read_model_file, "file"),
    "session": (session_file, read_session_file, "file"),
}


def run(name: str, count: int, seed: int, folder: Path) -> dict[str, Any]:
    """Read damaged files; return the numbers of accepted and refused ones, the peak memory and the longest time."""
    make_source, read, file_name = READERS[name]
    make, path = make_source(seed), folder / file_name
    accepted, slowest = 0, 0.0
    for _ in range(count):
        content = make()
        path.write_bytes(content)
        start = time.perf_counter()
        try:
            read(path, content)
            accepted += 1
        except ValueError as error:
            message = str(error)
            is_sentence = message.startswith(f"{path} ") and "\n" not in message and len(message) <= 1000
            if type(error) is not ValueError or not is_sentence:
                raise AssertionError(f"not one sentence about the file: {message[:300]!r}") from error
        slowest = max(slowest, time.perf_counter() - start)
    return {"accepted": accepted, "refused": count - accepted, "peak": peak_memory(), "slowest": slowest}


def peak_memory() -> int:
    """Return the peak of the resident memory in bytes; getrusage alone would include the parent process."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))))
