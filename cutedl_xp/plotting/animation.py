"""Animations of paths on a function of two variables, as GIF or MP4 files."""

import importlib
import io
import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cutedl_xp import _checks
from cutedl_xp.files.atomic import write_atomically
from cutedl_xp.plotting import figures
from cutedl_xp.plotting.surfaces import Ground, Path, add_legend, draw_ground, ends_outside, make_looks, mark_ground

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("gif", "mp4")
_DPI = 80
_FRAMES = 120
_LAST_SECONDS = 1  # of the last frame
_GROUND = 0.93  # a grey of the contours
_PER_SECOND = 20


def choose_writer(ending: str) -> Any:
    """Return Matplotlib's writer of MP4 files, or None for GIF files, which Pillow writes.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    OSError
        If the format is ``mp4``, and Matplotlib finds no program ffmpeg.
    ValueError
        If the format is neither ``gif`` nor ``mp4``.
    """
    _checks.check_one_of("animation", ending, FORMATS)
    writers = figures.import_matplotlib("animation")  # the module needs Pillow
    if ending == "gif":
        return None
    if not writers.FFMpegWriter.isAvailable():
        raise OSError("an MP4 animation needs the program ffmpeg, which was not found; install it, or choose gif")
    return writers.FFMpegWriter(fps=_PER_SECOND, codec="h264")  # with the pixel format that every player reads


def animate(ground: Ground, paths: Sequence[Path], path: str | os.PathLike[str]) -> None:
    """Write an animation of points that move on the contours of a function, each followed by its path.

    The frames have equal distances in steps; the last frame is shown for a second.

    Parameters
    ----------
    ground
        Function that the paths descend.
    paths
        Paths from one start.
    path
        File to write, which is replaced atomically. The ending selects the format: ``.gif`` or ``.mp4``.

    Raises
    ------
    ImportError, OSError, ValueError
        As in :func:`choose_writer`, and OSError if ffmpeg fails or the file cannot be written.
    """
    target = FilePath(path)
    writer = choose_writer(target.suffix.removeprefix("."))
    stage, panel = _make_stage(ground, paths)
    steps = choose_steps(max(len(each.points) for each in paths) - 1)
    show = _add_movers(panel, ground, paths)
    content = _make_gif(stage, show, steps) if writer is None else _make_mp4(writer, stage, show, steps)
    write_atomically(target, content)


def choose_steps(steps: int) -> list[int]:
    """Return the steps to show in frames: all steps, or 121 steps at equal distances."""
    return [round(place * steps / _FRAMES) for place in range(_FRAMES + 1)] if steps > _FRAMES else [*range(steps + 1)]


def _make_mp4(writer: Any, stage: "Figure", show: Callable[[int], None], steps: Sequence[int]) -> bytes:
    """Return the content of an MP4 file."""
    with tempfile.TemporaryDirectory() as folder:
        file = FilePath(folder, "film.mp4")
        try:
            with writer.saving(stage, str(file), _DPI):
                for step in [*steps, *[steps[-1]] * (_LAST_SECONDS * _PER_SECOND)]:
                    show(step)
                    writer.grab_frame()
        except (subprocess.CalledProcessError, BrokenPipeError) as error:
            raise OSError("ffmpeg failed to write an MP4 animation; repair it, or choose gif") from error
        return file.read_bytes()


def _make_gif(stage: "Figure", show: Callable[[int], None], steps: Sequence[int]) -> memoryview:
    """Return the content of a GIF file.

    Matplotlib's writer uses a different palette for each frame, which takes twice the time and three times the bytes.
    """
    image = importlib.import_module("PIL.Image")
    canvas: Any = stage.canvas

    def grab(step: int) -> Any:
        show(step)
        canvas.draw()
        return image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])

    palette = image.new("P", (1, 1))
    palette.putpalette(_make_palette().tobytes())
    frames = [grab(step).quantize(palette=palette, dither=image.Dither.NONE) for step in steps]
    times = [1000 // _PER_SECOND] * (len(steps) - 1) + [1000 * _LAST_SECONDS]
    content = io.BytesIO()
    frames[0].save(content, "gif", save_all=True, append_images=frames[1:], duration=times, loop=0)
    return content.getbuffer()


def _make_palette() -> NDArray[np.uint8]:
    """Return a palette of greys, and of mixtures of each path's colour with the light ground."""
    colours = [figures.import_matplotlib("colors").to_rgb(colour) for colour in figures.COLOURS]
    shares = np.linspace(0.1, 1.0, 12)[:, np.newaxis, np.newaxis]
    mixtures = shares * np.array(colours) + (1.0 - shares) * _GROUND
    greys = np.repeat(np.linspace(0.0, 1.0, 48), 3)
    return np.round(255.0 * np.concatenate((greys, mixtures.ravel()))).astype(np.uint8)


def _make_stage(ground: Ground, paths: Sequence[Path]) -> "tuple[Figure, Axes]":
    """Return a figure with all unmoving parts as an image, and an empty panel on the image.

    A frame then takes a tenth of the time of a drawing with contours and a layout.
    """
    still = _make_figure(layout="constrained")
    panel = still.subplots()
    draw_ground(panel, ground)
    add_legend(still, [each.optimizer for each in paths], crossed=any(map(ends_outside, paths)))
    panel.set_title(" ")  # space for the number of the step
    still.canvas.draw()
    image: NDArray[np.uint8] = np.asarray(still.canvas.buffer_rgba()).copy()
    stage = _make_figure()
    stage.figimage(image, zorder=-1)
    moving = stage.add_axes(panel.get_position())
    moving.set(xlim=panel.get_xlim(), ylim=panel.get_ylim())
    moving.set_axis_off()
    mark_ground(moving, ground, paths[0].points[0])
    return stage, moving


def _make_figure(**options: Any) -> Any:
    figure = figures.import_matplotlib("figure").Figure(figsize=(8.0, 7.0), dpi=_DPI, **options)
    figures.import_matplotlib("backends.backend_agg").FigureCanvasAgg(figure)
    return figure


def _add_movers(panel: "Axes", ground: Ground, paths: Sequence[Path]) -> Callable[[int], None]:
    """Add a line and a mark for each path; return a function that moves them to a step."""
    title = panel.set_title("")
    movers = []
    for each, style, marker in zip(paths, *make_looks(len(paths)), strict=True):
        (tail,) = panel.plot([], [], **style)
        look = {"markersize": 6.0 + 1.5 * style["linewidth"], "markeredgecolor": "white", "zorder": 3}
        (head,) = panel.plot([], [], color=style["color"], linestyle="none", **look)
        movers.append((each, tail, head, marker))

    def show(step: int) -> None:
        title.set_text(f"{ground.name}, step {step:,}")
        for each, tail, head, marker in movers:
            end = min(step, len(each.points) - 1)
            last = each.inside[np.searchsorted(each.inside, end, side="right") - 1]
            tail.set_data(*each.points[: min(end + 1, each.inside[-1] + 2)].T)
            head.set_data(*each.points[[last]].T)
            head.set_marker(marker if last == end else "X")

    return show
