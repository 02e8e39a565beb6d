"""``cutedl-xp surface``: paths of optimizers on functions of two variables."""

from collections.abc import Sequence
from pathlib import Path

from cutedl_xp import _checks, plotting
from cutedl_xp.bench.report import check_folder
from cutedl_xp.commands import _output
from cutedl_xp.files.folders import removed_if_empty
from cutedl_xp.plotting import animation as animations
from cutedl_xp.plotting import figures
from cutedl_xp.plotting.surfaces import draw
from cutedl_xp.studies import optimizer_text, walks
from cutedl_xp.studies.surfaces import Point, Surface, choose

ANIMATIONS = (*animations.FORMATS, "none")
PICTURES = ("png", "svg")
EXAMPLES = """examples:
  cutedl-xp surface
    the article's six rules on every surface

  cutedl-xp surface rosenbrock --steps 2000
    --optimizer "adam(lr=0.01)"
    --optimizer "lion(lr=0.001)"

  cutedl-xp surface camel --start=-2,0.5
    --animation none"""


def run(
    *,
    surface: Sequence[str] = (),
    optimizer: Sequence[str] = (),
    steps: int | None = None,
    start: str | None = None,
    out: Path = Path("out/surface"),
    animation: str = "gif",
    picture: str = "png",
) -> int:
    """Draw the paths of optimizers on surfaces, and write them as CSV files, pictures and animations.

    Parameters
    ----------
    surface
        Names of surfaces. The default is all surfaces.
    optimizer
        Texts of optimizers. The default is six rules with rates for each surface.
    steps
        Number of updates. The default is the surface's own number.
    start
        Coordinates of the start as ``"x,y"``. The default is the surface's own start.
    out
        Folder of the files, which is created.
    animation
        Format of the animations: ``"gif"``, ``"mp4"`` or ``"none"``.
    picture
        Format of the pictures: ``"png"`` or ``"svg"``.

    Returns
    -------
    int
        Exit code 0, also for paths that leave the picture or are not finite.
    """
    chosen = choose(surface)
    texts = list(dict.fromkeys(map(optimizer_text.canonical, optimizer)))
    if steps is not None:
        walks.check_steps(steps)
    place = None if start is None else _parse_start(start, chosen)
    _checks.check_one_of("animation", animation, ANIMATIONS)
    _checks.check_one_of("picture", picture, PICTURES)
    figures.import_matplotlib("figure")
    if animation != "none":
        animations.choose_writer(animation)
    with removed_if_empty(out):
        check_folder(out)
        for each in chosen:
            paths = [walks.walk(text, each, start=place, steps=steps) for text in texts or each.optimizers]
            _show(each, paths)
            for file in _write(each, paths, out, animation, picture):
                _output.say(str(file))
    return 0


def _parse_start(text: str, surfaces: Sequence[Surface]) -> Point:
    """Return the coordinates in a text, after a check that every surface's window contains them."""
    try:
        x, y = map(float, text.split(","))
    except ValueError:
        raise ValueError(f"--start must be two numbers such as -1,0.5; got {text!r}") from None
    for surface in surfaces:
        walks.check_start((x, y), surface)
    return x, y


def _show(surface: Surface, paths: Sequence[walks.Walk]) -> None:
    rows = []
    for path in paths:
        place, distance = path.nearest
        rows.append((path.optimizer, f"{path.steps:,}", f"{path.values[-1]:.2g}", f"{distance:.2g}", f"{place + 1}"))
    minima = [
        f"{place} at ({x:.4g}, {y:.4g}) with the value {surface.value(x, y):.4g}"
        for place, (x, y) in enumerate(surface.minima, 1)
    ]
    remarks = [f"{path.optimizer}: {path.remark}." for path in paths if path.remark]
    caption = "\n".join([f"The distance is to the nearest minimum: {', '.join(minima)}.", *remarks])
    columns = ("optimizer", "steps", "value", "distance", "minimum")
    _output.show_table(f"{surface.name}: {surface.formula}", columns, rows, caption)


def _write(surface: Surface, paths: Sequence[walks.Walk], out: Path, animation: str, picture: str) -> list[Path]:
    """Write the files of a surface, and return their names."""
    table, drawing = out / f"{surface.name}.csv", out / f"{surface.name}.{picture}"
    walks.write_csv(paths, table)
    plotting.save(draw(surface, paths), drawing)
    if animation == "none":
        return [table, drawing]
    film = out / f"{surface.name}.{animation}"
    animations.animate(surface, paths, film)
    return [table, drawing, film]
