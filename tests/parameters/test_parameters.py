"""A model's parameters over flat buffers, and groups of them."""

import copy
import gc
import pickle
import weakref
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutedl_xp import Backend
from cutedl_xp.parameters import Layout, Parameters, ParameterViews, split

Array = Any
SHAPES = {"/1/weight": (2, 3), "/1/bias": (3,), "/2/scale": (), "/2/none": (4, 0), "/3/weight": (3, 1, 2)}


@pytest.fixture
def parameters(backend: Backend, dtype: str) -> Parameters:
    return Parameters(backend, dtype, SHAPES)


def test_buffers_hold_all_entries_as_zeros(
    parameters: Parameters, backend: Backend, to_numpy: Callable[[Array], np.ndarray], dtype: str
) -> None:
    for buffer in (parameters.flat.value, parameters.flat.gradient):
        assert buffer.shape == (sum(map(prod, SHAPES.values())),)
        assert (buffer.dtype, buffer.device) == (backend.dtype(dtype), backend.device)
        assert not to_numpy(buffer).any()


def test_parameters_are_a_sequence_in_the_order_of_their_shapes(parameters: Parameters) -> None:
    assert isinstance(parameters, Sequence)
    assert len(parameters) == len(SHAPES)
    assert [(p.name, p.value.shape, p.gradient.shape) for p in parameters] == [
        (name, shape, shape) for name, shape in SHAPES.items()
    ]
    assert parameters[0] is next(iter(parameters))
    assert parameters[-1].name == "/3/weight"
    assert [p.name for p in parameters[1:3]] == ["/1/bias", "/2/scale"]
    assert parameters[2] in parameters
    with pytest.raises(IndexError):
        parameters[len(SHAPES)]


def test_parameters_have_names(backend: Backend) -> None:
    assert repr(Parameters(backend, "float32", {"/1/w": (2,), "/1/b": ()})) == "Parameters('/1/w', '/1/b')"
    assert repr(Parameters(backend, "float32", {})) == "Parameters()"


@pytest.mark.views
def test_buffers_and_parameters_are_the_same_memory(
    parameters: Parameters, to_numpy: Callable[[Array], np.ndarray]
) -> None:
    for number, parameter in enumerate(parameters, start=1):
        parameter.value = np.full(parameter.value.shape, number)
        parameter.gradient[...] = -number
    in_memory = ["/1/weight", "/3/weight", "/1/bias", "/2/scale", "/2/none"]  # all of one kind together
    numbers = dict(zip(SHAPES, range(1, 1 + len(SHAPES)), strict=True))
    wanted = [numbers[name] for name in in_memory for _ in range(prod(SHAPES[name]))]
    assert to_numpy(parameters.flat.value).tolist() == wanted
    assert to_numpy(parameters.flat.gradient).tolist() == [-number for number in wanted]
    parameters.flat.value[...] = 0.5
    assert all((to_numpy(p.value) == 0.5).all() for p in parameters)
    assert (to_numpy(parameters.flat.gradient) < 0).all()


@given(shapes=st.lists(st.lists(st.integers(0, 4), max_size=3).map(tuple), max_size=5))
@pytest.mark.views
def test_views_of_a_buffer_cover_it_once_and_in_order(
    backend: Backend, to_numpy: Callable[[Array], np.ndarray], shapes: list[tuple[int, ...]]
) -> None:
    named = {str(number): shape for number, shape in enumerate(shapes)}
    buffer = backend.asarray(np.arange(sum(map(prod, shapes)), dtype="float64"))
    views = split(backend, buffer, named)
    assert {name: view.shape for name, view in views.items()} == named
    entries = [entry for view in views.values() for entry in to_numpy(view).reshape(-1).tolist()]
    assert entries == to_numpy(buffer).tolist()
    for view in views.values():
        view[...] = -1.0
    assert (to_numpy(buffer) == -1.0).all()


def test_all_as_one_cannot_be_replaced(parameters: Parameters) -> None:
    with pytest.raises(AttributeError):
        parameters.flat = parameters[0]  # type: ignore[misc]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda obj: pickle.loads(pickle.dumps(obj))])  # noqa: S301
def test_copies_hang_together_and_are_apart_from_the_original(
    parameters: Parameters, to_numpy: Callable[[Array], np.ndarray], copied: Callable[[Any], Any]
) -> None:
    parameters[1].value, parameters[1].gradient = np.full(3, 2.0), np.full(3, 3.0)
    first, again, flat = copied([parameters[1], parameters, parameters.flat])
    assert first is again[1]
    assert flat is again.flat
    assert [parameter.name for parameter in again] == list(SHAPES)
    assert to_numpy(flat.value).sum() == 6.0
    assert to_numpy(flat.gradient).sum() == 9.0
    first.value = np.zeros(3)
    assert not to_numpy(flat.value).any()
    assert (to_numpy(parameters[1].value) == 2.0).all()


def test_memory_is_freed_with_the_last_reference_to_the_parameters(backend: Backend, dtype: str) -> None:
    parameters = Parameters(backend, dtype, SHAPES)
    watched = weakref.ref(parameters)
    gc.disable()  # nothing waits for garbage collection
    try:
        first = parameters[0]
        del parameters
        assert watched() is None
        assert copy.deepcopy(first).name == first.name
    finally:
        gc.enable()


GROUPINGS: dict[str, tuple[list[str], list[tuple[str, ...]]]] = {
    "all weights": (["/1/weight", "/3/weight"], [("/1/weight", "/3/weight")]),
    "a layer": (["/1/weight", "/1/bias"], [("/1/weight",), ("/1/bias",)]),
    "without an entry": (["/2/none"], [("/2/none",)]),
    "all": (list(SHAPES), [("/1/weight", "/3/weight", "/1/bias", "/2/scale", "/2/none")]),
}


@pytest.mark.views
@pytest.mark.parametrize(("names", "runs"), GROUPINGS.values(), ids=GROUPINGS)
@pytest.mark.parametrize("copied", [lambda obj: obj, copy.deepcopy, lambda obj: pickle.loads(pickle.dumps(obj))])  # noqa: S301
def test_views_of_a_group_are_its_contiguous_runs_in_the_same_memory(
    parameters: Parameters,
    to_numpy: Callable[[Array], np.ndarray],
    names: list[str],
    runs: list[tuple[str, ...]],
    copied: Callable[[Any], Any],
) -> None:
    held = [(p.value, p.gradient) for p in parameters]
    group = ParameterViews(parameters).select(Layout({name: SHAPES[name] for name in names}))
    group.values.views, group.gradients.views  # noqa: B018 - reading moves nothing
    assert all(p.value is value and p.gradient is g for p, (value, g) in zip(parameters, held, strict=True))
    parameters, group = copied((parameters, group))
    assert group.values.layout.runs == group.gradients.layout.runs == tuple(runs)
    assert list(group.values.views) == [name for name in SHAPES if name in names]
    assert [p.name for p in group.parameters] == list(group.values.views)
    for number, parameter in enumerate(parameters, start=1):
        parameter.value, parameter.gradient = (np.full(parameter.value.shape, sign * number) for sign in (1, -1))
    for parameter in group.parameters:
        for found, wanted in ((group.values, parameter.value), (group.gradients, parameter.gradient)):
            assert found.views[parameter.name].shape == wanted.shape
            np.testing.assert_array_equal(to_numpy(found.views[parameter.name]), to_numpy(wanted))
    for run in group.values.runs:
        run[...] = 7.0
    for parameter in parameters:
        assert (to_numpy(parameter.value) == 7.0).all() == (parameter.name in names or 0 in parameter.value.shape)


def test_assigning_views_gives_each_parameter_its_value(
    parameters: Parameters, to_numpy: Callable[[Array], np.ndarray], backend: Backend
) -> None:
    views = ParameterViews(parameters)
    numbers = {name: np.random.default_rng(0).normal(size=shape) for name, shape in SHAPES.items()}
    arrays = {name: backend.asarray(number, parameters[0].value.dtype) for name, number in numbers.items()}
    views.assign(views.values.filled_with(arrays))
    for parameter in parameters:
        np.testing.assert_array_equal(to_numpy(parameter.value), to_numpy(arrays[parameter.name]))


def test_separated_arrays_have_a_run_each(parameters: Parameters, to_numpy: Callable[[Array], np.ndarray]) -> None:
    separate = ParameterViews(parameters).values.separate()
    assert separate.layout.runs == tuple((name,) for name in SHAPES)
    assert [tuple(run.shape) for run in separate.runs] == list(SHAPES.values())
    assert separate.separate() is separate
