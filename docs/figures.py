"""Draw the figures of optimizers.md, more-optimizers.md and examples.md.

    python docs/figures.py              # writes docs/figures/*.svg
    python docs/figures.py --out DIR

Every path and every rate in the figures is computed with the package's own ``optimizer.update`` on NumPy arrays. The
same versions of Matplotlib and NumPy write the same bytes.
"""

import argparse
import io
import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

import cutedl_xp as cdl

# The colours of Okabe and Ito, which colour-blind readers can distinguish; the line styles distinguish them in print.
GREY, ORANGE, SKY, GREEN, BLUE, RED = "#4d4d4d", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00"
STYLES: dict[str, tuple[str, Any]] = {
    "Fixed": (GREY, "-"),
    "Momentum": (ORANGE, "-"),
    "Adagrad": (SKY, (0, (5, 1.5))),
    "RMSProp": (GREEN, (0, (3, 1, 1, 1))),
    "Adadelta": (BLUE, (0, (1, 1))),
    "Adam": (RED, "-"),
}
PAPER, INK = "#fcfcfa", "#222222"  # a fixed background: the figures look the same on a dark page
LINES, CONTOUR = "#d5d5d0", "#b9b9b2"

SETTINGS = {
    "svg.hashsalt": "cutedl_xp",
    "svg.fonttype": "path",
    "path.simplify_threshold": 0.5,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "axes.facecolor": PAPER,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINES,
    "grid.linewidth": 0.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "figure.facecolor": PAPER,
}

Gradient = Callable[[np.ndarray], np.ndarray]


def walk(rule: Any, start: tuple[float, ...], gradient: Gradient, steps: int) -> np.ndarray:
    """Return the points of a rule's path, including the start: shape (steps + 1, parameters)."""
    w = np.array(start)
    state = rule.init(w)
    points = [w]
    for _ in range(steps):
        w, state = rule.update(w, gradient(w), state)
        points.append(w)
    return np.array(points)


def rates(rule: Any, gradients: np.ndarray) -> np.ndarray:
    """Return step divided by gradient, for a sequence of gradients of one parameter."""
    w = np.zeros(1)
    state = rule.init(w)
    found = []
    for g in gradients:
        after, state = rule.update(w, np.array([g]), state)
        found.append((w[0] - after[0]) / g)
        w = np.zeros(1)  # from 0 each time: a large w would round the steps
    return np.array(found)


def name_of(rule: Any) -> str:
    """Return the name of a rule in the figures."""
    return type(rule).__name__


# --- the figures


def average_weights() -> Figure:
    """Draw the weights of an exponential average."""
    figure = Figure(figsize=(7.4, 3.1), layout="constrained")
    left, right = figure.subplots(1, 2, gridspec_kw={"wspace": 0.1})
    for gamma, colour, style in ((0.9, ORANGE, "-"), (0.99, BLUE, (0, (5, 1.5))), (0.999, GREEN, (0, (3, 1, 1, 1)))):
        age = np.arange(301)
        left.plot(age, gamma**age, color=colour, linestyle=style, label=rf"$\gamma$ = {gamma}")
        n = np.geomspace(1, 1e4, 200)
        right.plot(n, 1 - gamma**n, color=colour, linestyle=style)
        window = 1 / (1 - gamma)
        share = 1 - gamma**window
        right.plot(window, share, "o", color=colour, markersize=6, markeredgecolor=PAPER)
        right.annotate(f"{100 * share:.1f} %", (window, share), (7, -12), textcoords="offset points")
    left.set(xlabel="age of a gradient in steps", xlim=(0, 300), ylim=(0, 1.02))
    left.set_ylabel("weight, relative to the newest")
    left.set_title("How fast a gradient is forgotten")
    left.legend(loc=(0.56, 0.36))
    right.axhline(1 - np.exp(-1), color=GREY, linewidth=0.8)
    right.annotate("$1 - 1/e$", (1.1, 1 - np.exp(-1)), (0, 3), textcoords="offset points", color=GREY)
    right.set(xlabel="n, the number of newest gradients", ylabel="their share of the weight", ylim=(0, 1.02))
    right.set(xscale="log", xlim=(1, 1e4))
    right.set_title(r"$1/(1-\gamma)$ gradients carry 63 %")
    return figure


def _contours(axes: Axes, value: Callable[[Any, Any], Any], levels: np.ndarray) -> None:
    """Draw faint contour lines under a path."""
    x, y = np.meshgrid(np.linspace(*axes.get_xlim(), 31), np.linspace(*axes.get_ylim(), 31))
    axes.contour(x, y, value(x, y), levels=levels, colors=CONTOUR, linewidths=0.6, linestyles="-")


def valley() -> Figure:
    """Draw six rules in a valley whose curvature is 30 times as large across as along."""
    steps, start, curvature = 40, (-2.0, 0.8), np.array([1.0, 30.0])
    optimizers = cdl.optimizers
    rules = (
        (optimizers.Fixed(0.06), "lr 0.06"),
        (optimizers.Momentum(0.02, 0.9), "lr 0.02, momentum 0.9"),
        (optimizers.Adagrad(0.3), "lr 0.3"),
        (optimizers.RMSProp(0.03, 0.99), r"lr 0.03, $\rho$ 0.99"),
        (optimizers.Adadelta(0.99, eps=0.005), r"$\rho$ 0.99, eps 0.005"),
        (optimizers.Adam(0.1, 0.9, 0.99), r"lr 0.1, $\beta$ 0.9 and 0.99"),
    )
    figure = Figure(figsize=(7.4, 4.4), layout="constrained")
    for axes, (rule, numbers) in zip(figure.subplots(2, 3, sharex=True, sharey=True).flat, rules, strict=True):
        axes.set(xlim=(-2.2, 0.7), ylim=(-1, 1))
        for loss in np.geomspace(0.1, 14, 5):
            width, height = 2 * np.sqrt(2 * loss / curvature)
            axes.add_patch(Ellipse((0, 0), width, height, fill=False, edgecolor=CONTOUR, linewidth=0.6))
        points = walk(rule, start, lambda w: curvature * w, steps)
        colour = STYLES[name_of(rule)][0]
        axes.plot(*points.T, color=colour, linewidth=1, marker="o", markersize=2.4)
        axes.plot(0, 0, marker="+", color=INK, markersize=8, markeredgewidth=1.2)
        axes.plot(*points[-1], marker="o", markersize=7, markerfacecolor="none", color=INK, markeredgewidth=0.9)
        axes.set_title(f"{name_of(rule)}\n{numbers}")
        axes.grid(visible=False)
        loss = (curvature * points[-1] ** 2).sum() / 2
        axes.text(0.97, 0.04, f"loss {loss:.4f}", transform=axes.transAxes, ha="right")
    return figure


def saddle() -> Figure:
    """Draw six rules that start next to the ridge of a saddle."""
    steps, start, signs = 400, (1.0, 0.001), np.array([1.0, -1.0])
    optimizers = cdl.optimizers
    rules = (
        optimizers.Fixed(0.01),
        optimizers.Momentum(0.01),
        optimizers.Adagrad(0.01),
        optimizers.RMSProp(0.01),
        optimizers.Adadelta(),
        optimizers.Adam(0.01),
    )
    figure = Figure(figsize=(7.4, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2, gridspec_kw={"wspace": 0.1})
    left.set(xlim=(-0.5, 1.1), ylim=(-0.35, 1.1))
    _contours(left, lambda x, y: (x**2 - y**2) / 2, np.linspace(-0.6, 0.6, 17))
    for rule in rules:
        colour, style = STYLES[name_of(rule)]
        points = walk(rule, start, lambda w: signs * w, steps)
        left.plot(*points.T, color=colour, linestyle=style, zorder=3 if name_of(rule) == "Fixed" else 2)
        right.semilogy(np.arange(steps + 1), points[:, 1], color=colour, linestyle=style, label=name_of(rule))
    left.plot(*start, "o", color=INK, markersize=5)
    left.annotate("start", start, (-4, -13), textcoords="offset points", ha="center")
    left.plot(0, 0, "+", color=INK, markersize=9, markeredgewidth=1.2)
    left.set(xlabel="x, where the loss curves up", ylabel="y, where it curves down")
    left.set_title(f"The paths over $(x^2 - y^2)/2$, {steps} steps")
    left.grid(visible=False)
    right.set(xlabel="step", ylabel="y, the distance from the ridge", xlim=(0, steps), ylim=(8e-4, 3))
    right.set_title("How soon each has left")
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=6)
    return figure


def effective_rate() -> Figure:
    """Draw step divided by gradient for the rules that divide by the size of the gradients."""
    steps, change = 10_000, 1_000
    rules = (cdl.optimizers.Adagrad(0.01), cdl.optimizers.RMSProp(0.01, 0.99), cdl.optimizers.Adadelta(0.99))
    constant = np.ones(steps)
    fading = np.where(np.arange(steps) < change, 1.0, 0.01)
    figure = Figure(figsize=(7.4, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2, gridspec_kw={"wspace": 0.1})
    t = np.unique(np.geomspace(1, steps, 240).astype(int))
    for rule in rules:
        colour, style = STYLES[name_of(rule)]
        left.loglog(t, rates(rule, constant)[t - 1], color=colour, linestyle=style, label=name_of(rule))
        late = np.arange(500, 4001, 10)
        right.semilogy(late, rates(rule, fading)[late - 1], color=colour, linestyle=style)
    left.set(xlabel="step", ylabel="effective rate: step / gradient", xlim=(1, steps))
    left.set_title("Every gradient is 1")
    right.axvline(change, color=GREY, linewidth=0.8)
    right.annotate("from here on\n0.01 instead of 1", (change, 3), (6, 0), textcoords="offset points", color=GREY)
    right.set(xlabel="step", xlim=(500, 4000), ylim=(1e-5, 20))
    right.set_title("The gradients become 100 times smaller")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def adam_start() -> Figure:
    """Draw Adam's first steps with and without the bias correction, for a constant gradient."""
    figure = Figure(figsize=(7.4, 3.2), layout="constrained")
    for axes, beta2 in zip(figure.subplots(1, 2, sharey=True), (0.99, 0.999), strict=True):
        corrected, plain = _adam_steps(beta2, 1500)
        t = np.arange(1, len(plain) + 1)
        axes.semilogx(t, plain, color=BLUE, linestyle=(0, (5, 1.5)), label="without the correction")
        axes.semilogx(t, corrected, color=RED, label="Adam")
        peak = int(plain.argmax())
        axes.plot(t[peak], plain[peak], "o", color=BLUE, markersize=5)
        note = f"step {t[peak]}: {plain[peak]:.2f} lr"
        axes.annotate(note, (t[peak], plain[peak]), (0, 8), textcoords="offset points", ha="center")
        axes.set(xlabel="step", xlim=(1, 1500), ylim=(0, 7.8))
        axes.set_title(rf"$\beta_1$ = 0.9, $\beta_2$ = {beta2}")
    figure.axes[0].set_ylabel("length of a step / lr")
    figure.axes[0].legend(loc="upper right")
    return figure


def _adam_steps(beta2: float, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the lengths of Adam's steps in units of its rate, with and without the bias correction."""
    rule = cdl.optimizers.Adam(1.0, 0.9, beta2)
    w, g = np.zeros(1), np.ones(1)
    state = rule.init(w)
    corrected, plain = [], []
    for _ in range(steps):
        after, state = rule.update(w, g, state)
        corrected.append(float((w - after)[0]))
        plain.append(float((state["v"] / np.sqrt(state["s"]))[0]))
    return np.array(corrected), np.array(plain)


def schedules() -> Figure:
    """Draw the learning rates of schedules over 300 updates."""
    of = cdl.schedules
    shown: list[tuple[str, Any]] = [
        ("Step(1.0, every=75, factor=0.5)", of.Step(1.0, every=75, factor=0.5)),
        ("Exponential(1.0, factor=0.5, every=75)", of.Exponential(1.0, factor=0.5, every=75)),
        ("InverseTime(1.0, decay_steps=75)", of.InverseTime(1.0, decay_steps=75)),
        ("Polynomial(1.0, updates=250)", of.Polynomial(1.0, updates=250)),
        ("Cosine(1.0, updates=250)", of.Cosine(1.0, updates=250)),
        ("CosineRestarts(1.0, updates=40, growth=2)", of.CosineRestarts(1.0, updates=40, growth=2)),
        ("Warmup(Cosine(1.0, updates=200), updates=50)", of.Warmup(of.Cosine(1.0, updates=200), updates=50)),
        ("OneCycle(1.0, updates=250)", of.OneCycle(1.0, updates=250)),
        ("Piecewise([100, 200], [1.0, 0.3, 0.1])", of.Piecewise([100, 200], [1.0, 0.3, 0.1])),
    ]
    figure = Figure(figsize=(7.4, 5.2), layout="constrained")
    panels = figure.subplots(3, 3, sharex=True, sharey=True).ravel()
    updates = np.arange(301)
    for panel, (title, schedule) in zip(panels, shown, strict=True):
        panel.plot(updates, [schedule(int(update)) for update in updates], color=BLUE)
        panel.set_title(title, fontsize=7)
        panel.set(xlim=(0, 300), ylim=(0, 1.05))
    figure.supxlabel("updates made before", fontsize=9)
    figure.supylabel("learning rate", fontsize=9)
    return figure


def logistic_regression() -> Figure:
    """Draw the loss of the example program, minus the loss of scikit-learn's coefficients."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    program = Path(__file__).parents[1] / "examples" / "optimizers_alone" / "logistic_regression.py"
    loss_and_gradients = runpy.run_path(str(program))["loss_and_gradients"]
    samples, classes = load_breast_cancer(return_X_y=True)
    x, y, penalty = StandardScaler().fit_transform(samples), classes.astype(float), 1 / len(samples)
    found = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-10).fit(x, y)
    best = {"coefficients": found.coef_[0], "intercept": found.intercept_[0]}
    least = loss_and_gradients(best, x, y, penalty)[0]
    of = cdl.optimizers
    figure = Figure(figsize=(7.4, 3.6), layout="constrained")
    axes = figure.subplots()
    for rule in (of.Fixed(lr=0.3), of.Momentum(lr=0.3, momentum=0.95, nesterov=True), of.Adam(lr=0.03)):
        params = {"coefficients": np.zeros(x.shape[1]), "intercept": np.array(0.0)}
        state, above = rule.init(params), []
        for _ in range(1000):
            loss, gradients = loss_and_gradients(params, x, y, penalty)
            above.append(loss - least)
            params, state = rule.update(params, gradients, state)
        colour, style = STYLES[name_of(rule)]
        axes.semilogy(above, color=colour, linestyle=style, label=f"{name_of(rule)}(lr={rule.lr})")
    axes.set(xlabel="updates", ylabel="loss above the minimum", xlim=(0, 1000), ylim=(1e-12, 1))
    axes.legend(loc="upper right")
    return figure


def figures() -> Iterator[tuple[str, Figure]]:
    """Yield each figure with the name of its file."""
    for draw in (average_weights, valley, saddle, effective_rate, adam_start, schedules, logistic_regression):
        yield draw.__name__.replace("_", "-"), draw()


def write(figure: Figure, path: Path) -> None:
    """Write an SVG file without date, version and indentation, with two decimals in its coordinates."""
    text = io.StringIO()
    FigureCanvasSVG(figure).print_svg(text, metadata={"Date": None, "Creator": None})
    coordinates = re.compile(r'(?<= )(?:d|x|y)="[^"]+"')
    short = coordinates.sub(lambda found: re.sub(r"(\.\d\d)\d+", r"\1", found[0]), text.getvalue())
    path.write_text(re.sub(r"\n +", "\n", short), encoding="utf-8", newline="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the figures of the documentation.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "figures", help="the folder to write to")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(SETTINGS):
        for name, figure in figures():
            path = out / f"{name}.svg"
            write(figure, path)
            print(f"{path} ({path.stat().st_size / 1000:.0f} kB)")


if __name__ == "__main__":
    main()
