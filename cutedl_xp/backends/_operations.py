"""The computations of backends, with defaults written against the standard."""

import functools
import operator
from collections.abc import Sequence
from math import prod
from typing import Any, ClassVar

from cutedl_xp import _numerics
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends._rules import Elementwise, Rule, rule_outputs, with_decay


class Operations:
    """Computations on the arrays of one library.

    Each has a default written against the standard. A backend replaces one where its library does the same in fewer
    passes; it never changes what is computed.
    """

    xp: Namespace
    reduces_runs: ClassVar[bool] = False

    def row(self, array: Array, index: Any) -> Array:
        """Return ``array[index]`` for an integer, or an integer array of no axes."""
        row: Array = array[(int(index), *[slice(None)] * (array.ndim - 1))]
        return row

    def write(self, target: Array, source: Array) -> Array:
        """Copy ``source`` over ``target``, of the same shape and dtype, and return the array that holds it now."""
        target[...] = source
        return target

    def write_rows(self, target: Array, rows: Array, start: int) -> Array:
        """Copy ``rows`` over those of ``target`` from ``start`` on, and return the array that holds them now.

        ``target`` must not be used again where arrays cannot be written to.
        """
        target[start : start + rows.shape[0], ...] = rows
        return target

    def matmul(self, a: Array, b: Array, out: Array | None = None) -> Array:
        """The matrix product of ``a`` and ``b``, in ``out`` where the library can write it there."""
        return self.xp.matmul(a, b)

    def sum(self, array: Array, axis: int | None = None, keepdims: bool = False, out: Array | None = None) -> Array:
        """The sum along an axis or of all entries, in ``out`` where the library can write it there."""
        return self.xp.sum(array, axis=axis, keepdims=keepdims)

    def scaled_squares(self, arrays: Sequence[Array]) -> tuple[Any, Array]:
        """Return a scale and a sum of squares; the scale times the root of the sum is the norm of all entries together.

        Entries are divided by the largest absolute value first, so that no square overflows or underflows.

        Parameters
        ----------
        arrays
            At least one, of one dtype.
        """
        filled = [array for array in arrays if prod(array.shape)]
        if not filled:
            return 1.0, self.sum(arrays[0])
        largest = [self.xp.max(self.elementwise(_absolute, array)) for array in filled]
        scale = self.elementwise(_finite_scale, functools.reduce(self.xp.maximum, largest))
        squares = [self.sum(self.elementwise(_scaled_square, array, scale)) for array in filled]
        return scale, functools.reduce(operator.add, squares)

    def known_to_be_finite(self, array: Array) -> bool:
        """Return True if a quick look finds all entries finite, and False if they are not or if looking takes long."""
        return False

    def convert(self, array: Array, dtype: Any, scale: float | None) -> Array:
        """``array`` converted to ``dtype`` and multiplied by ``scale``; the same array where neither changes it."""
        converted = array if array.dtype == dtype else self.xp.astype(array, dtype)
        return converted if scale is None else converted * scale

    def elementwise(self, function: Elementwise, *arguments: Any) -> Any:
        """Return ``function(xp, *arguments)``, as one kernel where the library can make one of it.

        Parameters
        ----------
        function
            Elementwise function. Functions of a module are compiled once and kept; closures and lambdas are not
            compiled, as keeping them would also keep the arrays that they refer to.
        arguments
            Arrays that can be broadcast, of the dtype to compute in first, and Python numbers.
        """
        return function(self.xp, *arguments)

    def add_bias(self, product: Array, bias: Array, function: Elementwise) -> Array:
        """Return ``function(xp, product + bias)``, possibly in the memory of ``product``, of shape (samples, units)."""
        activated: Array = function(self.xp, product + bias)
        return activated

    def add_bias_backward(
        self, function: Elementwise, y: Array, gradient: Array, out: Array | None = None
    ) -> tuple[Array, Array]:
        """Return the gradients of the arguments of :meth:`add_bias`: of the product, and of the bias.

        Parameters
        ----------
        function
            Derivative of the function given to :meth:`add_bias`: ``function(xp, y, gradient)``.
        y, gradient
            Output of :meth:`add_bias` and its gradient, both of shape (samples, units).
        out
            Memory for the gradient of the bias, the sum over samples; used if the backend can write to it.
        """
        dz: Array = self.elementwise(function, y, gradient)
        return dz, self.sum(dz, axis=0, out=out)

    def softmax_crossentropy(self, y_true: Array, logits: Array, scale: float) -> tuple[Array, Array]:
        """Return the sum of -y log softmax(z), times ``scale``, and its gradient (softmax(z) sum(y) - y) * ``scale``.

        Parameters
        ----------
        y_true, logits
            y and z, of one shape ``(..., classes)`` and one dtype.
        scale
            Factor of the sum, such as one over the number of samples.
        """
        finite, shifted, exponentials, total = self._shifted_exponentials(logits)
        weight = self.sum(y_true, axis=-1, keepdims=True)
        formula = _numerics.finite_crossentropy_terms if finite else _numerics.crossentropy_terms
        terms, gradient = self.elementwise(formula, y_true, shifted, exponentials, total, weight, scale)
        return self.sum(terms) * -scale, gradient

    def softmax_crossentropy_value(self, y_true: Array, logits: Array, scale: float) -> Array:
        """Return the value of :meth:`softmax_crossentropy` without its gradient."""
        finite, shifted, _, total = self._shifted_exponentials(logits)
        formula = _numerics.finite_log_likelihood if finite else _numerics.log_likelihood
        return self.sum(self.elementwise(formula, y_true, shifted, total)) * -scale

    def _shifted_exponentials(self, logits: Array) -> tuple[bool, Array, Array, Array]:
        """Return whether all logits are known to be finite, z - max(z), its exponentials, and their sum by row."""
        largest = self.xp.max(logits, axis=-1, keepdims=True)
        finite = self.known_to_be_finite(logits)
        shift = _numerics.finite_exponentials if finite else _numerics.exponentials
        shifted, exponentials = self.elementwise(shift, logits, largest)
        return finite, shifted, exponentials, self.sum(exponentials, axis=-1, keepdims=True)

    def apply_rule(
        self, rule: Rule, arrays: Sequence[Array], scalars: Sequence[Any], decay: float = 0.0, *, donate: bool = False
    ) -> Sequence[Array]:
        """Run an optimizer's elementwise rule once.

        Parameters
        ----------
        rule
            Called as ``rule(xp, *arrays, *scalars)``, returns the new ``(w, *state)``. Its gradient includes the weight
            decay.
        arrays
            ``(w, g, *state)``, all of one shape and dtype.
        scalars
            Python floats, or arrays of no axes and of the same dtype.
        decay
            The gradient becomes ``g + decay * w`` first.
        donate
            Whether the results are written over w and the state, where arrays can be written to.

        Returns
        -------
        sequence of arrays
            The new ``(w, *state)``: with ``donate`` the same arrays, where they can be written to.
        """
        pairs, dtype = (
            zip(rule_outputs(arrays), self._run_rule(rule, arrays, scalars, decay), strict=True),
            arrays[0].dtype,
        )
        # A traced scalar may have promoted the results
        cast = [(target, new if new.dtype == dtype else self.xp.astype(new, dtype)) for target, new in pairs]
        return [self.write(target, new) if donate else new for target, new in cast]

    def _run_rule(
        self, rule: Rule, arrays: Sequence[Array], scalars: Sequence[float], decay: float
    ) -> tuple[Array, ...]:
        return with_decay(rule, decay != 0.0)(self.xp, *arrays, *scalars, decay)

    def without_subnormals(self, array: Array) -> Array:
        """``array`` with 0 for numbers too small to be normal ones of its dtype, in its own memory where that can be.

        A processor takes longer to compute with those, some a hundred times as long.
        """
        smallest = float(self.xp.finfo(array.dtype).smallest_normal)
        return self.write(array, self.elementwise(_zero_below, array, smallest))


def _absolute(xp: Namespace, x: Array) -> Array:
    return xp.abs(x)


def _finite_scale(xp: Namespace, largest: Array) -> Array:
    return xp.where(xp.isfinite(largest) & (largest > 0), largest, 1.0)


def _scaled_square(xp: Namespace, x: Array, scale: Array) -> Array:
    return (x / scale) * (x / scale)


def _zero_below(xp: Namespace, x: Array, smallest: float) -> Array:
    return xp.where(xp.abs(x) < smallest, 0.0, x)
