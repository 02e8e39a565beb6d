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

from cutedl_xp import Backend, Parameter
from cutedl_xp.parameters import ParameterGroup, Parameters, unflatten

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


def test_parameters_tell_their_names(backend: Backend) -> None:
    assert repr(Parameters(backend, "float32", {"/1/w": (2,), "/1/b": ()})) == "Parameters('/1/w', '/1/b')"
    assert repr(Parameters(backend, "float32", {})) == "Parameters()"


@pytest.mark.views
def test_buffers_and_parameters_are_the_same_memory(
    parameters: Parameters, to_numpy: Callable[[Array], np.ndarray]
) -> None:
    for number, parameter in enumerate(parameters, start=1):
        parameter.value = np.full(parameter.value.shape, number)
        parameter.gradient[...] = -number
    wanted = [number for number, shape in enumerate(SHAPES.values(), start=1) for _ in range(prod(shape))]
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
    views = unflatten(backend, buffer, named)
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


def test_memory_is_free_as_soon_as_nobody_has_the_parameters(backend: Backend, dtype: str) -> None:
    parameters = Parameters(backend, dtype, SHAPES)
    watched = weakref.ref(parameters)
    gc.disable()  # nothing waits for its next round
    try:
        first = parameters[0]
        del parameters
        assert watched() is None
        assert copy.deepcopy(first).name == first.name
    finally:
        gc.enable()


GROUPINGS: dict[str, list[list[str]]] = {
    "side by side": [["/2/scale", "/2/none", "/3/weight"], ["/1/weight", "/1/bias"]],
    "scattered": [["/1/bias", "/2/none"], ["/3/weight", "/1/weight"], ["/2/scale"]],
    "without an entry": [["/2/none"], ["/1/weight", "/3/weight", "/2/scale", "/1/bias"]],
}


def filled(parameters: Parameters) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Fill parameters with values and gradients that are all different, and return these."""
    random = np.random.default_rng(0)
    numbers = {p.name: (random.normal(size=p.value.shape), random.normal(size=p.value.shape)) for p in parameters}
    for parameter in parameters:
        parameter.value, parameter.gradient = numbers[parameter.name]
    return {name: (np.float32(value), np.float32(gradient)) for name, (value, gradient) in numbers.items()}


def assert_holds(parameters: Sequence[Parameter], numbers: dict[str, Any], to_numpy: Callable[[Any], Any]) -> None:
    for parameter in parameters:
        for found, wanted in zip((parameter.value, parameter.gradient), numbers[parameter.name], strict=True):
            np.testing.assert_array_equal(np.float32(to_numpy(found)), wanted)


@pytest.mark.views
@pytest.mark.parametrize("names", GROUPINGS.values(), ids=GROUPINGS)
@pytest.mark.parametrize("copied", [lambda obj: obj, copy.deepcopy, lambda obj: pickle.loads(pickle.dumps(obj))])  # noqa: S301
@pytest.mark.parametrize("moved", ["before", "after"])
def test_a_group_lies_together_and_is_one_parameter(
    parameters: Parameters,
    to_numpy: Callable[[Any], np.ndarray],
    names: list[list[str]],
    copied: Callable[[Any], Any],
    moved: str,
) -> None:
    numbers, by_name = filled(parameters), {p.name: p for p in parameters}
    groups = [parameters.group([by_name[name] for name in group]) for group in names]
    assert_holds(parameters, numbers, to_numpy)
    flats = [group.flat for group in groups] if moved == "before" else []
    parameters, groups, flats = copied((parameters, groups, flats))
    assert all(flat is group.flat for flat, group in zip(flats, groups, strict=bool(flats)))
    assert [p.name for p in parameters] == list(SHAPES)
    assert_holds(parameters, numbers, to_numpy)
    for group, wanted in zip(groups, names, strict=True):
        assert isinstance(group, ParameterGroup)
        assert [p.name for p in group] == [name for name in SHAPES if name in wanted]
        assert all(any(p is own for own in parameters) for p in group)
        assert repr(group) == f"ParameterGroup({', '.join(repr(p.name) for p in group)})"
        shape = group.flat.value.shape
        group.flat.value, group.flat.gradient = np.full(shape, 7.0), np.full(shape, 8.0)
        numbers |= {name: tuple(np.full(SHAPES[name], number) for number in (7.0, 8.0)) for name in wanted}
        assert_holds(parameters, numbers, to_numpy)
        assert group.layout == {name: SHAPES[name] for name in wanted}
    assert (to_numpy(parameters.flat.value) == 7.0).all()
    flats = [group.flat.value for group in groups]
    before = parameters.flat.value
    assert all(group.flat.value is value for group, value in zip(groups, flats, strict=True))
    assert parameters.flat.value is before  # nothing moves once all lie together


@pytest.mark.views
def test_what_lies_together_stays_where_it_is(parameters: Parameters) -> None:
    before, flat = [(p.value, p.gradient) for p in parameters], parameters.flat.value
    for part in (parameters[2:], parameters[:2]):
        assert parameters.group(part).flat.value.shape == (sum(prod(p.value.shape) for p in part),)
    assert parameters.flat.value is flat
    for parameter, (value, gradient) in zip(parameters, before, strict=True):
        assert parameter.value is value
        assert parameter.gradient is gradient


@pytest.mark.views
def test_groups_that_overlap_take_turns(parameters: Parameters, to_numpy: Callable[[Any], np.ndarray]) -> None:
    flat, numbers = parameters.flat, filled(parameters)
    one, other = parameters.group(parameters[:2]), parameters.group([parameters[0], parameters[4]])
    within = one.group([one[1]])
    for group in (one, other, one, within, other, within, one):
        group.flat.value = to_numpy(group.flat.value) * 2.0
        for parameter in group:
            value, gradient = numbers[parameter.name]
            numbers[parameter.name] = (value * 2.0, gradient)
        assert_holds(parameters, numbers, to_numpy)
    assert parameters.flat is flat
    assert list(parameters.layout) != list(SHAPES)
    wanted = np.concatenate([numbers[name][0].reshape(-1) for name in parameters.layout])
    np.testing.assert_array_equal(np.float32(to_numpy(flat.value)), wanted)


def test_without_views_a_group_is_a_mere_sequence(parameters: Parameters, backend: Backend) -> None:
    group = parameters.group(parameters[1:3])
    assert isinstance(group, ParameterGroup) is backend.has_views
    assert tuple(group) == parameters[1:3]
