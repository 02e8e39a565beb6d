"""Shape of the input of a layer that needs the length of its last axis."""

from cutedl_xp._typing import Shape
from cutedl_xp.layers._layer import Layer


def known_shape(layer: Layer, input_dim: int | None, width: int | None, input_shape: Shape | None) -> Shape:
    """Return the shape of a layer's input for one sample.

    Parameters
    ----------
    layer
        Layer to name in errors.
    input_dim
        Argument ``input_dim`` of the layer's constructor.
    width
        Length of the last axis that the layer requires, or None for any length.
    input_shape
        Output shape of the previous layer, or None if it is not known.

    Raises
    ------
    ValueError
        If the width is not known, or the last axis has another length.
    """
    if input_shape is None:
        if input_dim is None:
            raise ValueError(f"{layer!r} cannot know the width of its input; give it `input_dim`")
        return (input_dim,)
    if not input_shape or width not in (None, input_shape[-1]):
        wanted = "at least one axis" if width is None else f"a last axis of {width}"
        raise ValueError(f"{layer!r} takes samples with {wanted}; got samples of shape {input_shape}")
    return input_shape
