"""Draw the figures of the pages in docs/tutorials.

    python docs/tutorial_figures.py              # writes docs/figures/*.svg
    python docs/tutorial_figures.py --out DIR

The figures of from-gradient-to-training.md show the results of the page's own code blocks, which the program runs. The
figures of the-article.md show paths of `cutedl_xp.studies.walks` and the runs of two CSV files. Colours, settings and
file format are those of figures.py.
"""

import argparse
import csv
import doctest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from figures import CONTOUR, GREY, INK, LINES, RED, SETTINGS, STYLES, write
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cutedl_xp.studies import surfaces, walks

DOCS = Path(__file__).parent
BLUE, ORANGE = "#0072B2", "#E69F00"

# Optimizers of the article by rule: its text in article.csv, its name in results.csv, and its label
RUNS = {
    "Fixed": (
        ("fixed(lr=0.0001)", "Fixed(0.0001)", "a seed, lr 0.0001"),
        ("fixed(lr=0.01)", "Fixed(0.01)", "a seed, lr 0.01"),
        ("fixed(lr=0.2)", "Fixed(0.2)", "a seed, lr 0.2"),
    ),
    "Momentum": (("momentum(lr=0.002, momentum=0.9)", "Momentum(0.002, 0.9)", "a seed"),),
    "Adagrad": (("adagrad(lr=0.001)", "Adagrad(0.001)", "a seed"),),
    "RMSProp": (("rmsprop(lr=0.0001, rho=0.99)", "RMSProp(0.0001, 0.99)", "a seed"),),
    "Adadelta": (("adadelta(rho=0.99)", "Adadelta(0.99)", "a seed"),),
    "Adam": (("adam(lr=0.0001, beta1=0.9, beta2=0.99)", "Adam(0.0001, 0.9, 0.99)", "a seed"),),
}


def run_page(name: str) -> dict[str, Any]:
    """Return the variables of a tutorial's code blocks after their run."""
    path = DOCS / "tutorials" / f"{name}.md"
    text = path.read_text(encoding="utf-8").replace("```", "")  # else a closing fence counts as output
    page = doctest.DocTestParser().get_doctest(text, {}, name, str(path), 0)
    found = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(page, clear_globs=False)
    if found.failed:
        raise SystemExit(f"{path}: {found.failed} outputs differ from those of the page")
    return page.globs


# --- from-gradient-to-training.md


def descent(page: dict[str, Any]) -> Figure:
    """Draw gradient descent on a parabola with three learning rates."""
    figure = Figure(figsize=(7.4, 2.7), layout="constrained")
    x = np.linspace(-2.6, 8.6, 100)
    panels = ((0.01, "too small", (0, 6), (0, 8)), (0.3, "suitable", (0, 6), (0, 8)), (1.05, "too large", None, None))
    for axes, (lr, title, across, up) in zip(figure.subplots(1, 3), panels, strict=True):
        places = np.array(page["descend"](5.0, lr, updates=10))
        axes.plot(x, page["f"](x), color=CONTOUR)
        axes.plot(places, page["f"](places), color=BLUE, linewidth=0.9, marker="o", markersize=3.5)
        axes.plot(5, page["f"](5), "o", color=INK, markersize=6)
        axes.annotate("start", (5, page["f"](5)), (6, -9), textcoords="offset points")
        axes.set(xlabel="w", title=f"{title}: lr = {lr}", xlim=across, ylim=up)
    figure.axes[0].set_ylabel("f(w)")
    return figure


def moons(page: dict[str, Any]) -> Figure:
    """Draw the border between the classes without and with a hidden layer."""
    x, y = page["x"], page["y"]
    figure = Figure(figsize=(7.4, 3.2), layout="constrained")
    across, up = np.meshgrid(np.linspace(-1.6, 2.6, 106), np.linspace(-1.1, 1.6, 68))
    for axes, session, title in zip(
        figure.subplots(1, 2, sharey=True),
        (page["session"], page["curved"]),
        ("one layer", "with 16 hidden units"),
        strict=True,
    ):
        logits = np.asarray(session.model.predict(np.stack([across.ravel(), up.ravel()], axis=1)))
        axes.contour(across, up, logits.reshape(across.shape), levels=[0.0], colors=INK, linewidths=1.6)
        for label, colour, marker in ((0, ORANGE, "o"), (1, BLUE, "^")):
            axes.plot(*x[y == label].T, marker, color=colour, markersize=3, label=f"class {label}")
        right = np.mean((np.asarray(session.model.predict(x)).ravel() > 0) == y)
        axes.set(xlim=(-1.6, 2.6), ylim=(-1.1, 1.6), title=f"{title}: accuracy {right:.3f}")
        axes.grid(visible=False)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def overfitting(page: dict[str, Any]) -> Figure:
    """Draw the losses of a large model that is trained with few samples."""
    history = page["large"].history
    figure = Figure(figsize=(7.4, 3.0), layout="constrained")
    axes = figure.subplots()
    epochs = np.arange(1, len(history.loss) + 1)
    axes.plot(epochs, history.loss, color=BLUE, linestyle=(0, (5, 1.5)), label="training loss")
    axes.plot(epochs, history.val_loss, color=RED, label="validation loss")
    best = int(np.argmin(history.val_loss))
    axes.plot(epochs[best], history.val_loss[best], "o", color=RED, markersize=5)
    note = f"lowest validation loss,\nepoch {epochs[best]}"
    axes.annotate(note, (epochs[best], history.val_loss[best]), (14, 26), textcoords="offset points")
    axes.set(xlabel="epoch", ylabel="loss", xlim=(0, len(epochs)), ylim=(0, None))
    axes.legend(loc="upper left", bbox_to_anchor=(0.2, 1))
    return figure


# --- the-article.md


def read_runs() -> list[dict[str, Any]]:
    """Return the runs of seeds 1 to 11 from article.csv and those of seed 0 from results.csv."""
    with (DOCS / "science" / "article.csv").open(encoding="utf-8") as file:
        studies = [
            {
                "run": row["optimizer"],
                "steps": int(row["steps"]),
                "accuracy": float(row["best_val_accuracy"]),
                "inactive": int(row["inactive_outputs"]),
            }
            for row in csv.DictReader(file)
        ]
    with (DOCS / "reproduction" / "results.csv").open(encoding="utf-8") as file:
        first = [
            {
                "run": row["optimizer"],
                "steps": int(row["steps"]),
                "accuracy": float(row["best_val_acc"]),
                "inactive": int(row["dead_outputs"]),
                "article": (int(row["article_steps"]), float(row["article_best_acc"])),
            }
            for row in csv.DictReader(file)
            if row["seed"] == "0"
        ]
    return studies + first


def article(rule: str, runs: list[dict[str, Any]]) -> Figure:
    """Draw the path of a rule on the camel function, and its runs on MNIST."""
    figure = Figure(figsize=(7.4, 3.3), layout="constrained")
    left, right = figure.subplots(1, 2, gridspec_kw={"wspace": 0.06}, width_ratios=(1, 1.15))
    draw_path(left, rule)
    draw_runs(right, rule, runs)
    return figure


def draw_path(axes: Axes, rule: str) -> None:
    """Draw the path of a rule on the camel function, with the rate of `cutedl-xp surface`."""
    camel = surfaces.SURFACES["camel"]
    text = next(text for text in camel.optimizers if text.startswith(rule.lower()))
    path = walks.walk(text, camel)
    left, right, bottom, top = camel.window
    x, y = np.meshgrid(np.linspace(left, right, 40), np.linspace(bottom, top, 33))
    levels = np.geomspace(0.1, 12.0, 11)
    axes.contour(x, y, camel.value(x, y), levels=levels, colors=CONTOUR, linewidths=0.6, linestyles="-")
    axes.plot(*path.points.T, color=STYLES[rule][0], linewidth=1, marker="o", markersize=2.4)
    axes.plot(*np.array(camel.minima).T, "+", color=INK, markersize=8, markeredgewidth=1.2)
    axes.plot(*camel.start, "o", color=INK, markersize=5)
    axes.plot(*path.points[-1], "o", markersize=8, markerfacecolor="none", color=INK, markeredgewidth=0.9)
    axes.set(xlim=(left, right), ylim=(bottom, top), xlabel="x", ylabel="y", title=f"{text}, {path.steps} updates")
    axes.grid(visible=False)


def draw_runs(axes: Axes, rule: str, runs: list[dict[str, Any]]) -> None:
    """Draw steps and accuracy of each run of a rule, and of the article's run."""
    colours = (GREY, BLUE, ORANGE) if rule == "Fixed" else (STYLES[rule][0],)
    own = {name: colour for names, colour in zip(RUNS[rule], colours, strict=True) for name in names[:2]}
    for run in runs:
        colour, size = own.get(run["run"], LINES), 5 if run["run"] in own else 3
        look = {"color": colour, "markersize": size, "zorder": 3 if run["run"] in own else 2}
        axes.plot(run["steps"], run["accuracy"], "v" if run["inactive"] else "o", markeredgewidth=0, **look)
        if run["run"] in own and "article" in run:
            look = {"color": colour, "markersize": 12, "zorder": 4, "markeredgecolor": INK, "fillstyle": "none"}
            axes.plot(*run["article"], "*", **look)
    for (_, _, label), colour in zip(RUNS[rule], colours, strict=True):
        axes.plot([], [], "o", color=colour, markersize=5, label=label)
    axes.plot([], [], "v", color=GREY, markersize=5, label="inactive outputs")
    axes.plot([], [], "*", color=INK, markersize=10, fillstyle="none", label="article's run")
    axes.plot([], [], "o", color=LINES, markersize=3, label="other rules")
    axes.set(xscale="log", xlim=(1e4, 2e6), ylim=(0.6, 0.95), xlabel="steps", title="MNIST: best validation accuracy")
    axes.legend(loc="lower right", fontsize=7.5, handletextpad=0.1, ncols=2, columnspacing=0.6)


def figures() -> Iterator[tuple[str, Figure]]:
    """Yield each figure with the name of its file."""
    page = run_page("from-gradient-to-training")
    for draw in (descent, moons, overfitting):
        yield draw.__name__, draw(page)
    runs = read_runs()
    for rule in RUNS:
        yield f"article-{rule.lower()}", article(rule, runs)


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the figures of the tutorials.")
    parser.add_argument("--out", type=Path, default=DOCS / "figures", help="the folder to write to")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(SETTINGS):
        for name, figure in figures():
            path = out / f"{name}.svg"
            write(figure, path)
            print(f"{path} ({path.stat().st_size / 1000:.0f} kB)")


if __name__ == "__main__":
    main()
