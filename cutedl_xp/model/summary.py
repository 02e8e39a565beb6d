"""Table of the layers of a model."""

from collections.abc import Mapping, Sequence
from html import escape
from math import prod

from cutedl_xp._typing import Shape
from cutedl_xp.layers import Layer

Row = tuple[str, str, str]


class Summary(str):
    """Table of layers: a str that the prompt shows as a table, and a notebook as an HTML table.

    Attributes
    ----------
    rows
        The name, output shape and number of parameters of each layer, the total, and the number of untrained entries
        if there are any.
    """

    rows: tuple[Row, ...]

    def __new__(cls, rows: Sequence[Row]) -> "Summary":
        lines = [_HEAD, *rows]
        widths = [max(len(row[column]) for row in lines) for column in range(3)]
        text = "\n".join(f"{a:{widths[0]}}  {b:{widths[1]}}  {c:>{widths[2]}}" for a, b, c in lines)
        summary = super().__new__(cls, text)
        summary.rows = tuple(rows)
        return summary

    def __getnewargs__(self) -> tuple[tuple[Row, ...]]:  # type: ignore[override]  # pickle calls __new__ with the rows
        return (self.rows,)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{cell}</th>" for cell in _HEAD)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in self.rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


_HEAD: Row = ("layer", "output", "parameters")


def summarize(
    layers: Sequence[tuple[str, Layer, Shape | None]], shapes: Mapping[str, Shape], untrained: Mapping[str, Shape]
) -> Summary:
    """Return the table of layers.

    Parameters
    ----------
    layers
        Each layer with its name and the shape of its input, None if unknown.
    shapes
        Shape of each parameter by its full name.
    untrained
        Shape of each buffer by its full name.
    """
    sizes = {name: prod(shape) for name, shape in shapes.items()}
    rows = []
    for name, layer, shape in layers:
        count = sum(size for key, size in sizes.items() if key.startswith(f"{name}/"))
        rows.append((name[1:], str(layer.output_shape(shape) or "as given"), f"{count:,}"))
    rows.append(("total", "", f"{sum(sizes.values()):,}"))
    if untrained:
        rows.append(("not trained", "", f"{sum(map(prod, untrained.values())):,}"))
    return Summary(rows)
