"""The CUDA kernels of a training: each compiles for every architecture, and in float32 nothing is promoted.

CuPy writes these kernels while it is emulated on the CPU; compiling them needs no GPU either.
"""

import re
from collections.abc import Callable

import numpy as np
import pytest

import cupy_on_cpu
from cupy_on_cpu import ARCHITECTURES, CudaSource, compile_for
from cutedl_xp import Backend, Dataset, Session, layers, metrics, optimizers


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return random.normal(size=(60, 8)).astype("float32"), random.integers(0, 4, 60)


@pytest.fixture
def training_sources(
    backend: Backend, make_session: Callable[..., Session], rows: tuple[np.ndarray, np.ndarray]
) -> list[CudaSource]:
    """Return the kernels of three training steps of a small network in float32, and of a validation."""
    network = [layers.Dense(6, input_dim=8), layers.Dropout(0.5), layers.Dense(4, activation="linear")]
    session = make_session(*network, optimizer=optimizers.Adam(lr=0.01), metrics=[metrics.accuracy])
    train, test = (Dataset(*rows, batch_size=20) for _ in range(2))
    with cupy_on_cpu.launched_sources() as sources:
        session.fit(train, epochs=1, val_data=test)
    assert len(sources) > 5
    return list(sources)


def doubles(ptx: str) -> list[str]:
    """Return the lines of a kernel that compute with float64."""
    return [line.strip() for line in ptx.splitlines() if re.search(r"\.f64\b", line) and ".reg" not in line]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_kernels_of_a_float32_training_have_no_float64(training_sources: list[CudaSource], architecture: int) -> None:
    found = {source.text: doubles(compile_for(source, architecture)) for source in training_sources}
    promoted = {text: lines for text, lines in found.items() if lines}
    assert not promoted, "\n".join(f"{lines}\nin\n{text}" for text, lines in promoted.items())
