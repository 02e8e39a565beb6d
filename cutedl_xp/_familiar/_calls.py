"""Errors for keywords of other libraries that give the keywords of this library."""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar, cast

CallableT = TypeVar("CallableT", bound=Callable[..., Any])


def refuse_keywords(remedies: Mapping[str, str]) -> Callable[[CallableT], CallableT]:
    """Return a decorator of functions and classes whose calls raise TypeError for keywords of other libraries.

    The signature stays the same for readers, ``help`` and type checkers. A parameter of the function itself may be in
    ``remedies``, for the error of a call that passes it by position and by name.

    Parameters
    ----------
    remedies
        Equivalent in this library by keyword.
    """

    def decorate(target: CallableT) -> CallableT:
        function: Callable[..., Any] = target.__init__ if isinstance(target, type) else target  # type: ignore[misc]
        parameters = tuple(inspect.signature(function).parameters)
        name = target.__name__
        of_init = f"{function.__qualname__}() " if isinstance(target, type) else "\n"  # may name a base class

        @wraps(function)
        def call(*args: Any, **options: Any) -> Any:
            for keyword in options.keys() & remedies.keys():
                if keyword not in parameters:
                    raise TypeError(f"{name}() has no parameter `{keyword}`; use {remedies[keyword]}")
                if keyword in parameters[: len(args)]:
                    raise TypeError(f"{name}() has `{keyword}` twice, by position and by name; use {remedies[keyword]}")
            try:
                return function(*args, **options)
            except TypeError as error:
                reason = str(error).removeprefix(of_init)
                if reason == str(error):
                    raise
                raise TypeError(f"{name}() {reason}") from None

        if not isinstance(target, type):
            return cast(CallableT, call)
        target.__init__ = call  # type: ignore[misc]  # so that the decorated class stays the same object
        return target

    return decorate
