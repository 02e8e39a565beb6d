"""Computations of backends, with defaults written against the Array API standard."""

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

    Each method has a default written against the Array API standard. A backend overrides a method if its library
    computes the same result in fewer passes.
    """

    xp: Namespace
    reduces_runs: ClassVar[bool] = False

    def row(self, array: Array, index: Any) -> Array:
        """Return the row ``index`` of ``array``; the index is an integer or a 0-d integer array."""
        row: Array = array[(int(index), *[slice(None)] * (array.ndim - 1))]
        return row

    def write(self, target: Array, source: Array) -> Array:
        """Copy ``source`` over ``target``, of the same shape and dtype, and return the array that holds the values.

        Returns
        -------
        Array
            ``target``, or a new array if arrays cannot be written to.
        """
        target[...] = source
        return target

    def write_rows(self, target: Array, rows: Array, start: int) -> Array:
        """Copy ``rows`` over the rows of ``target`` from number ``start`` on, and return the array that holds them.

        Returns
        -------
        Array
            ``target``, or a new array if arrays cannot be written to; do not use ``target`` again then.
        """
        target[start : start + rows.shape[0], ...] = rows
        return target

    def matmul(self, a: Array, b: Array, out: Array | None = None) -> Array:
        """Return the matrix product of ``a`` and ``b``, written to ``out`` if the library supports it."""
        return self.xp.matmul(a, b)

    def sum(self, array: Array, axis: int | None = None, keepdims: bool = False, out: Array | None = None) -> Array:
        """Return a sum, written to ``out`` if the library supports it.

        Parameters
        ----------
        array
            Array to sum.
        axis
            Axis to sum along; default None, all entries.
        keepdims
            Whether the result keeps the summed axes with length 1, default False.
        """
        return self.xp.sum(array, axis=axis, keepdims=keepdims)

    def scaled_squares(self, arrays: Sequence[Array]) -> tuple[Any, Array]:
        """Return a scale and a sum of squares; the scale times the root of the sum is the norm of all entries together.

        Entries are divided by the largest absolute value first, so that no square overflows or underflows.

        Parameters
        ----------
        arrays
            Sequence of at least one array, all of the same dtype.
        """
        filled = [array for array in arrays if prod(array.shape)]
        if not filled:
            return 1.0, self.sum(arrays[0])
        largest = [self.xp.max(self.elementwise(_absolute, array)) for array in filled]
        scale = self.elementwise(_finite_scale, functools.reduce(self.xp.maximum, largest))
        squares = [self.sum(self.elementwise(_scaled_square, array, scale)) for array in filled]
        return scale, functools.reduce(operator.add, squares)

    def known_to_be_finite(self, array: Array) -> bool:
        """Return True if a fast test finds all entries of ``array`` finite; False if not, or if no fast test exists."""
        return False

    def convert(self, array: Array, dtype: Any, scale: float | None) -> Array:
        """Return ``array`` converted to ``dtype`` and multiplied by ``scale``.

        The result is ``array`` itself if the dtype is the same and ``scale`` is None.
        """
        converted = array if array.dtype == dtype else self.xp.astype(array, dtype)
        return converted if scale is None else converted * scale

    def elementwise(self, function: Elementwise, *arguments: Any) -> Any:
        """Return ``function(xp, *arguments)``, computed by one kernel if the library can compile the function.

        Parameters
        ----------
        function
            Elementwise function. Functions of a module are compiled once and kept. Closures and lambdas are not
            compiled, because keeping them would also keep the arrays that they refer to.
        *arguments
            Arrays that can be broadcast, first an array of the dtype to compute in, and Python numbers.
        """
        return function(self.xp, *arguments)

    def add_bias(self, product: Array, bias: Array, function: Elementwise) -> Array:
        """Return ``function(xp, product + bias)``, possibly in the memory of ``product``.

        Parameters
        ----------
        product
            Array of shape ``(samples, units)``.
        bias
            Array of shape ``(units,)``.
        function
            Elementwise activation function ``function(xp, x)``.
        """
        activated: Array = function(self.xp, product + bias)
        return activated

    def add_bias_backward(
        self, function: Elementwise, y: Array, gradient: Array, out: Array | None = None
    ) -> tuple[Array, Array]:
        """Return the gradients of ``product`` and ``bias`` of :meth:`add_bias`.

        Parameters
        ----------
        function
            Derivative of the function given to :meth:`add_bias`: ``function(xp, y, gradient)``.
        y, gradient
            Output of :meth:`add_bias` and its gradient, both of shape ``(samples, units)``.
        out
            Memory for the gradient of the bias, which is the sum over samples; used if the backend can write to it. The
            default is None, new memory.
        """
        dz: Array = self.elementwise(function, y, gradient)
        return dz, self.sum(dz, axis=0, out=out)

    def softmax_crossentropy(self, y_true: Array, logits: Array, scale: float) -> tuple[Array, Array]:
        """Return the sum of -y log softmax(z), times ``scale``, and its gradient (softmax(z) sum(y) - y) * ``scale``.

        Parameters
        ----------
        y_true, logits
            Arrays y and z of one shape ``(..., classes)`` and one dtype.
        scale
            Factor of the sum, such as 1 divided by the number of samples.
        """
        finite, shifted, exponentials, total = self._shifted_exponentials(logits)
        weight = self.sum(y_true, axis=-1, keepdims=True)
        formula = _numerics.finite_crossentropy_terms if finite else _numerics.crossentropy_terms
        terms, gradient = self.elementwise(formula, y_true, shifted, exponentials, total, weight, scale)
        return self.sum(terms) * -scale, gradient

    def softmax_crossentropy_value(self, y_true: Array, logits: Array, scale: float) -> Array:
        """Return the value of :meth:`softmax_crossentropy` without its gradient.

        Parameters
        ----------
        y_true, logits, scale
            As for :meth:`softmax_crossentropy`.
        """
        finite, shifted, _, total = self._shifted_exponentials(logits)
        formula = _numerics.finite_log_likelihood if finite else _numerics.log_likelihood
        return self.sum(self.elementwise(formula, y_true, shifted, total)) * -scale

    def _shifted_exponentials(self, logits: Array) -> tuple[bool, Array, Array, Array]:
        """Return whether all logits are known to be finite, z - max(z), its exponentials, and the sum of each row."""
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
            Function ``rule(xp, *arrays, *scalars)`` that returns the new ``(w, *state)``.
        arrays
            Arrays ``(w, g, *state)``, all of one shape and dtype.
        scalars
            Python floats, or 0-d arrays of the same dtype.
        decay
            Coefficient of the weight decay, default 0: the rule receives ``g + decay * w`` as the gradient.
        donate
            Whether the results are written over w and the state if arrays can be written to, default False.

        Returns
        -------
        sequence of arrays
            The new ``(w, *state)``; with ``donate`` the same arrays if they can be written to.
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
        """Return ``array`` with subnormal numbers replaced by 0, in its own memory if arrays can be written to.

        Processors take longer to compute with subnormal numbers, some up to a hundred times as long.
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
