"""JAX, whose arrays cannot be written to: each change returns a new array."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, cast

import jax
import numpy as np

from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends._arrays import dtype_name, gpu_in_words
from cutedl_xp.backends._base import Backend, BackendUnavailable
from cutedl_xp.backends._jax_steps import compile_chunk
from cutedl_xp.backends._rules import Elementwise, Rule, is_module_level, with_decay
from cutedl_xp.backends._steps import StepFunction, Tree

_WIDE = ("float64", "int64", "uint64")
_FIX = 'give `dtype` "float32" or the like, or call jax.config.update("jax_enable_x64", True) first'


class JaxBackend(Backend):
    """JAX arrays on a device; training steps are compiled, and outside of them rules and elementwise functions."""

    name = "jax"
    xp = cast(Namespace, jax.numpy)
    version = jax.__version__
    has_views = False
    compiles_steps = True

    def __init__(self, device: str | None = None) -> None:
        if device is None:
            with jax.ensure_compile_time_eval():  # also while a function is traced
                self.device = jax.numpy.empty(0).device
            return
        platform, _, index = device.partition(":")
        try:
            devices = jax.devices(platform)
        except RuntimeError as error:
            raise BackendUnavailable(
                f"JAX {jax.__version__} has no platform {platform!r} here; it has {jax.default_backend()!r}: "
                "use 'jax', or install JAX for that platform"
            ) from error
        if index and not (index.isdecimal() and int(index) < len(devices)):
            raise ValueError(f"JAX has no device {device!r}; the devices of {platform!r} are 0 to {len(devices) - 1}")
        self.device = devices[int(index or 0)]

    @classmethod
    def of(cls, array: Any) -> Backend:
        # A traced array has no device yet, and an array on several devices has a sharding instead
        return super().of(array) if isinstance(getattr(array, "device", None), jax.Device) else cls()

    @classmethod
    def _device_name(cls, device: Any) -> str:
        return f"{device.platform}:{jax.devices(device.platform).index(device)}"

    def devices(self) -> list[str]:
        return [_in_words(device) for device in jax.devices()]

    def owns(self, obj: Any) -> bool:
        return isinstance(obj, jax.Array) and getattr(obj, "device", self.device) == self.device

    def dtype(self, dtype: Any) -> Any:
        own = super().dtype(dtype)
        if dtype_name(own) in _WIDE and not jax.config.jax_enable_x64:
            raise ValueError(f"`dtype` is {dtype_name(own)!r}, and JAX computes in 32 bits by default: {_FIX}")
        return own

    def _from_numpy(self, array: np.ndarray) -> Array:
        if array.dtype.name in _WIDE and not jax.config.jax_enable_x64:
            array = _narrow(array)
        return cast(Array, jax.device_put(np.array(array), self.device))  # a copy, because JAX may share the memory

    def to_numpy(self, array: Any) -> np.ndarray:
        return np.asarray(array)

    def synchronize(self) -> None:
        jax.block_until_ready(jax.live_arrays())

    def write(self, target: Array, source: Array) -> Array:
        return source

    def write_rows(self, target: Array, rows: Array, start: int) -> Array:
        # Waits, because the host would otherwise allocate memory for all rows ahead of the device
        return cast(Array, _write_rows(target, rows, start).block_until_ready())

    @property
    def index_dtype(self) -> Any:
        return self.xp.int64 if jax.config.jax_enable_x64 else self.xp.int32

    def why_not_compiled(self) -> str | None:
        return "jax_disable_jit is set" if jax.config.jax_disable_jit else super().why_not_compiled()

    def run_steps(
        self, step: StepFunction, state: Tree, constants: Tree, inputs: Tree, count: int
    ) -> tuple[Tree, Callable[[], None]]:
        arguments = (state, constants, *jax.device_put((inputs, np.asarray(count, np.int32)), self.device))
        new, token = compile_chunk(step, arguments, self.device)(*arguments)
        return new, token.block_until_ready

    def row(self, array: Any, index: Any) -> Array:
        return cast(Array, jax.lax.dynamic_index_in_dim(array, index, keepdims=False))

    def matmul(self, a: Any, b: Any, out: Any = None) -> Array:
        # By default recent GPUs multiply float32 in TF32, which keeps 10 of the 23 bits; a user's setting has priority
        multiply = _multiply if jax.config.jax_default_matmul_precision is None else jax.numpy.matmul
        product: Array = multiply(a, b)
        return product

    @property
    def float32_products(self) -> str:
        chosen = jax.config.jax_default_matmul_precision
        return "float32, requested by the backend" if chosen is None else f"jax_default_matmul_precision is {chosen!r}"

    def elementwise(self, function: Elementwise, *arguments: Any) -> Any:
        return (_compile_function(function) if self._can_compile(function) else function)(self.xp, *arguments)

    def add_bias(self, product: Array, bias: Array, function: Elementwise) -> Array:
        add = _compile_add_bias(function) if self._can_compile(function) else functools.partial(_add_bias, function)
        activated: Array = add(self.xp, product, bias)
        return activated

    def _run_rule(
        self, rule: Rule, arrays: Sequence[Array], scalars: Sequence[float], decay: float
    ) -> tuple[Array, ...]:
        if not self._can_compile(rule):
            return super()._run_rule(rule, arrays, scalars, decay)
        results: tuple[Array, ...] = _compile_rule(rule, decay != 0.0)(self.xp, *arrays, *scalars, decay)
        return results

    def without_subnormals(self, array: Array) -> Array:
        return array  # XLA on a CPU replaces subnormal numbers by 0; GPUs process them at full speed

    def _can_compile(self, function: Callable[..., Any]) -> bool:
        """Return whether a function may be compiled and kept."""
        return self.fused and is_module_level(function)


_write_rows = jax.jit(
    functools.partial(jax.lax.dynamic_update_slice_in_dim, axis=0), donate_argnums=0
)  # in the memory of the target
_multiply = jax.jit(functools.partial(jax.numpy.matmul, precision=jax.lax.Precision.HIGHEST))


def _add_bias(function: Elementwise, xp: Namespace, product: Array, bias: Array) -> Any:
    # A row has the rank of the product, because JAX can be set to refuse arrays of different ranks
    return function(xp, product + xp.reshape(bias, (1, -1)))


def _in_words(device: Any) -> str:
    memory = (device.memory_stats() or {}).get("bytes_limit", 0) if device.platform != "cpu" else 0
    place = f"{device.platform}:{device.id}"
    return gpu_in_words(place, device.device_kind, memory) if memory else place


@functools.cache
def _compile_function(function: Callable[..., Any]) -> Any:
    """Return a function of a namespace, arrays and numbers that is compiled for each shape and dtype."""
    return jax.jit(function, static_argnums=0)


@functools.cache
def _compile_add_bias(function: Elementwise) -> Any:
    return jax.jit(functools.partial(_add_bias, function), static_argnums=0)


@functools.cache
def _compile_rule(rule: Rule, decays: bool) -> Any:
    return jax.jit(with_decay(rule, decays), static_argnums=0)


def _narrow(array: np.ndarray) -> np.ndarray:
    """Return 64-bit integers in 32 bits; refuse larger integers, and float64, which would lose precision."""
    narrow = array.astype(array.dtype.name.replace("64", "32"))
    if array.dtype.kind == "f" or not np.array_equal(narrow, array):
        what = "is float64" if array.dtype.kind == "f" else f"has {array.dtype.name} numbers beyond 32 bits"
        raise ValueError(f"`obj` {what}, and JAX computes in 32 bits by default: {_FIX}")
    return narrow
