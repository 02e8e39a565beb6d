"""The counts have every launch, product and copy, and nothing else."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cupy_on_cpu


@pytest.fixture
def counted(cupy: Any) -> Callable[[Callable[[], Any]], tuple[int, int, int, int]]:
    """Return a function that runs another and returns its numbers of launches, products and copies."""

    def count(function: Callable[[], Any]) -> tuple[int, int, int, int]:
        cupy_on_cpu.reset_counts()
        function()
        counts = cupy_on_cpu.counts()
        assert len(counts.kernels) == counts.launches
        return counts.launches, counts.gemms, counts.host_copies, counts.uploads

    return count


def test_each_operation_has_the_requests_of_a_gpu(cupy: Any, counted: Callable[..., Any]) -> None:
    x, matrix = cupy.ones(300, "float32"), cupy.ones((3, 3), "float32")
    index = cupy.asarray(np.array([2, 0]))
    assert counted(lambda: x + 1) == (1, 0, 0, 0)
    assert counted(lambda: (x + 1) * x) == (2, 0, 0, 0)
    assert counted(lambda: x.sum()) == (1, 0, 0, 0)
    assert counted(lambda: cupy.take(x, index)) == (1, 0, 0, 0)
    assert counted(lambda: cupy.where(x > 0, x, 0)) == (2, 0, 0, 0)
    assert counted(lambda: matrix @ matrix) == (0, 1, 0, 0)
    assert counted(lambda: matrix.T) == (0, 0, 0, 0)
    assert counted(lambda: x[:5]) == (0, 0, 0, 0)
    assert counted(lambda: x.get()) == (0, 0, 1, 0)
    assert counted(lambda: float(x[0])) == (0, 0, 1, 0)
    assert counted(lambda: bool(x[0] > 2)) == (1, 0, 1, 0)
    assert counted(lambda: f"{x[0]}")[2] == 1
    assert counted(lambda: cupy.asarray(np.ones(3))) == (0, 0, 0, 1)
    assert counted(lambda: x.copy())[2:] == (0, 0)
    assert counted(lambda: x.__setitem__(slice(3), x[:3]))[2:] == (0, 0)


def test_kernels_are_named_in_their_order(cupy: Any) -> None:
    x = cupy.ones(3, "float32")
    cupy_on_cpu.reset_counts()
    (cupy.exp(x) + x).sum()
    assert cupy_on_cpu.counts().kernels == [
        "cupy_exp__float32_float32",
        "cupy_add__float32_float32_float32",
        "cupy_sum",
    ]


def test_waiting_is_counted(cupy: Any) -> None:
    cupy_on_cpu.reset_counts()
    cupy.cuda.get_current_stream().synchronize()
    cupy.cuda.Device().synchronize()
    assert cupy_on_cpu.counts().synchronizations == 2


def test_sources_include_launched_kernels_that_were_compiled_before(cupy: Any) -> None:
    x = cupy.ones(3, "float32")
    x * 2.5
    with cupy_on_cpu.launched_sources() as sources:
        x * 2.5
        x * 2.5
        x @ x
    x - 1.5
    multiply, dot = sources
    assert "cupy_multiply__float32_float_float32" in multiply.text
    assert "_tensordot_core_mul_sum" in dot.text
    assert "-ftz=true" in multiply.options


def test_source_compiles_for_every_architecture(cupy: Any) -> None:
    kernel = cupy.ElementwiseKernel("float32 x", "float32 y", "y = x * 0.1", "one_tenth")
    x = cupy.ones(3, "float32")
    with cupy_on_cpu.launched_sources() as sources:
        kernel(x)
    (source,) = sources
    for architecture in cupy_on_cpu.ARCHITECTURES:
        ptx = cupy_on_cpu.compile_for(source, architecture)
        assert f".target sm_{architecture}\n" in ptx
        assert ".entry one_tenth(" in ptx
        assert ".f64" in ptx  # because 0.1 is a double in C


def test_source_that_is_wrong_or_an_architecture_that_is_gone_is_an_error(cupy: Any) -> None:
    with pytest.raises(cupy.cuda.compiler.CompileException, match="expected a"):
        cupy_on_cpu.compile_for(cupy_on_cpu.CudaSource("__global__ void f() { return }"), 75)
    with pytest.raises(cupy.cuda.compiler.CompileException, match="gpu-architecture"):
        cupy_on_cpu.compile_for(cupy_on_cpu.CudaSource("__global__ void f() {}"), 70)
