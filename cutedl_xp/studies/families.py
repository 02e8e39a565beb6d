"""Families of optimizers: texts that differ only in the learning rate, or in the options that a tuning searches."""

from collections.abc import Collection

from cutedl_xp.studies import optimizer_text


def remove_options(text: str, names: Collection[str]) -> str:
    """Return the text of an optimizer without some of its options.

    Parameters
    ----------
    text
        Text of an optimizer.
    names
        Options to remove. Other names have no effect.

    Examples
    --------
    >>> remove_options("adam(lr=0.1, beta1=0.8)", ["lr", "rho"])
    'adam(beta1=0.8)'
    """
    options = optimizer_text.parse(text)[1]
    kept = {name: value for name, value in options.items() if name not in names}
    return optimizer_text.with_options(optimizer_text.rule_name(text), **kept)
