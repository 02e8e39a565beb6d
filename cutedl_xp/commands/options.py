"""Options of the commands for studies.

Each group maps the name of a parameter to its type and its option. Every option defaults to "not given", because its
value may come from a configuration file or from the folder of a study.
"""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

_RUNS, _TRAINING, _STOP, _MACHINE, _RESULTS = "Runs", "Training", "Stop rules", "Machine", "Results"


def _complete_optimizer(incomplete: str) -> list[str]:
    from cutedl_xp.studies.optimizer_text import RULES

    return [name for name in RULES if name.startswith(incomplete)]


def _complete_data(incomplete: str) -> list[str]:
    return [name for name in ("mnist", "digits", "breast-cancer", "wine") if name.startswith(incomplete)]


def _complete_activation(incomplete: str) -> list[str]:
    from cutedl_xp.activations import ACTIVATIONS

    return [name for name in ACTIVATIONS if name.startswith(incomplete)]


def _complete_surface(incomplete: str) -> list[str]:
    from cutedl_xp.studies.surfaces import SURFACES

    return [name for name in SURFACES if name.startswith(incomplete)]


def _option(kind: Any, name: str, metavar: str, panel: str, text: str, **more: Any) -> Any:
    return Annotated[kind, typer.Option(name, metavar=metavar, help=text, rich_help_panel=panel, **more)]


def _text(name: str, metavar: str, panel: str, text: str, **more: Any) -> Any:
    return _option(str | None, name, metavar, panel, text, **more)


def _texts(name: str, metavar: str, panel: str, text: str, **more: Any) -> Any:
    return _option(list[str] | None, name, metavar, panel, text, **more)


def _integer(name: str, metavar: str, panel: str, text: str) -> Any:
    return _option(int | None, name, metavar, panel, text)


def _number(name: str, metavar: str, panel: str, text: str) -> Any:
    return _option(float | None, name, metavar, panel, text)


def _path(name: str, metavar: str, panel: str, text: str) -> Any:
    return _option(Path | None, name, metavar, panel, text)


def _flag(name: str, panel: str, text: str) -> Any:
    return Annotated[bool, typer.Option(name, help=text, rich_help_panel=panel)]


CONFIG: dict[str, Any] = {
    "config": Annotated[
        Path | None,
        typer.Argument(
            metavar="[STUDY.toml]", help="Configuration that --save-config has written.", show_default=False
        ),
    ]
}
RUNS: dict[str, Any] = {
    "data": _texts(
        "--data",
        "DATA",
        _RUNS,
        "mnist (the default), digits, breast-cancer or wine; a folder of IDX files, a .npz file with x and y, or a CSV "
        "file. May be repeated; `train` takes one.",
        autocompletion=_complete_data,
    ),
    "model": _texts(
        "--model",
        "WIDTHS",
        _RUNS,
        "Dense model such as 784-128-10: inputs, hidden units, outputs. Default: one layer from the inputs to the "
        "classes. May be repeated; `train` takes one.",
    ),
    "optimizer": _texts(
        "--optimizer",
        "RULE",
        _RUNS,
        'Update rule and its options, such as adam or "adam(lr=1e-3, beta2=0.999)": fixed, momentum, adagrad, rmsprop, '
        "adadelta, adam, adamw, nadam, radam, adamax or lion. Without lr, the rule has its default rate, which is "
        "1e-4 for adam and momentum, too small for a short training. May be repeated; `train` takes one. Default: the "
        "article's six rules; of `train` adam.",
        autocompletion=_complete_optimizer,
    ),
}
SEED: dict[str, Any] = {
    "seed": _integer("--seed", "S", _RUNS, "Seed of the initial weights and of the batches. Default: 1."),
}
SEEDS: dict[str, Any] = {
    "seeds": _text(
        "--seeds",
        "N",
        _RUNS,
        "N for the seeds 1 to N, or a list such as 1,2,5. The tests can show a difference of two optimizers with 6 "
        "seeds, and of six optimizers with 10. Default: 3.",
    ),
}
TUNE: dict[str, Any] = {
    "tune": _integer(
        "--tune",
        "N",
        _RUNS,
        "Give each optimizer N trials of its rate and decays, judged on the validation samples, and compare the best "
        "ones on other seeds; --validation test is refused. Default: 0, no tuning.",
    ),
}
RATES: dict[str, Any] = {
    "rates": _texts(
        "--rates",
        "GRID",
        _RUNS,
        "Learning rates: lowest:highest:number such as 1e-4:1:9, or a list such as 0.01,0.1. A grid of one rule is "
        "adadelta=0.01:1000:11. May be repeated. Default: 1e-4:1:9.",
    ),
}
TRAINING: dict[str, Any] = {
    "activation": _text(
        "--activation",
        "NAME",
        _TRAINING,
        "Activation of the hidden layers: linear, relu, sigmoid, tanh, leaky_relu, elu, gelu, silu, softplus or "
        "softmax. Default: relu.",
        autocompletion=_complete_activation,
    ),
    "output_activation": _text(
        "--output-activation",
        "NAME",
        _TRAINING,
        "Activation of the last layer. Default: linear; the article's model has relu.",
        autocompletion=_complete_activation,
    ),
    "initializer": _text(
        "--initializer",
        "NAME",
        _TRAINING,
        "Initializer of the weights: uniform, normal, glorot_uniform, glorot_normal, he_uniform, he_normal, zeros or "
        "ones. Default: uniform.",
    ),
    "epochs": _integer(
        "--epochs", "N", _TRAINING, "Epochs, at least 1, unless a stop rule ends a run before. Default: 10."
    ),
    "batch_size": _integer("--batch-size", "N", _TRAINING, "Samples of a batch, at least 1. Default: 64."),
    "validation": _text(
        "--validation",
        "SHARE",
        _TRAINING,
        "Share of the training samples for the validation, between 0 and 1, or test: the test samples, as in the "
        "article. Default: 0.1.",
    ),
    "schedule": _text(
        "--schedule",
        "NAME",
        _TRAINING,
        "Learning-rate schedule of all optimizers: constant, cosine, cosine_restarts, exponential, inverse_time, "
        'one_cycle, polynomial or step, with options such as "cosine(warmup=100)". Default: a constant rate.',
    ),
    "dtype": _text("--dtype", "NAME", _TRAINING, "float32 (the default) or float64."),
    "target_column": _text(
        "--target-column", "NAME", _TRAINING, "Column of a CSV file that holds the classes. Default: the last one."
    ),
}
STOP: dict[str, Any] = {
    "patience": _integer(
        "--patience", "N", _STOP, "Stop after N validations without a smaller loss. Default: 0, never."
    ),
    "min_delta": _number(
        "--min-delta", "X", _STOP, "Decrease of the loss that counts for --patience, at least 0. Default: 0.001."
    ),
    "target": _number(
        "--target",
        "X",
        _STOP,
        "Validation accuracy, between 0 and 1, whose steps and seconds are reported. Default: none.",
    ),
    "target_times": _integer(
        "--target-times",
        "N",
        _STOP,
        "Stop after N validations in a row above --target, which is required. Default: 0, never.",
    ),
}
MACHINE: dict[str, Any] = {
    "backend": _text("--backend", "NAME", _MACHINE, "Array library such as numpy (the default), torch or jax."),
    "device": _text("--device", "NAME", _MACHINE, "cpu, cuda, cuda:N or auto, instead of --backend."),
    "checkpoint_every": _integer(
        "--checkpoint-every", "N", _MACHINE, "Epochs between two checkpoints of a run. Default: 10; 0: none."
    ),
}
WORKERS: dict[str, Any] = {
    "jobs": _integer("--jobs", "N", _MACHINE, "Runs side by side, at least 1. Default: the number of processor cores."),
    "scheduler": _text("--scheduler", "ADDRESS", _MACHINE, "Dask scheduler such as tcp://host:8786 that runs them."),
}
RESULTS: dict[str, Any] = {
    "out": _path("--out", "DIR", _RESULTS, "Folder of the results. Default: out/ and the name of the command."),
    "new": _flag("--new", _RESULTS, "Begin another study if DIR holds one: in DIR-2, DIR-3, ..."),
    "save_config": _path("--save-config", "FILE", _RESULTS, "Write the configuration as TOML before the start."),
    "tensorboard": _flag("--tensorboard", _RESULTS, "Write event files for TensorBoard into DIR/tensorboard."),
}
SURFACE: dict[str, Any] = {
    "surface": Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SURFACE",
            help="Names such as saddle, beale or rosenbrock. Default: all surfaces.",
            autocompletion=_complete_surface,
        ),
    ],
    "optimizer": _texts(
        "--optimizer",
        "RULE",
        _RUNS,
        'Update rule and its options, such as "adam(lr=0.01)". May be repeated. Default: six rules with rates that '
        "suit the surface.",
        autocompletion=_complete_optimizer,
    ),
    "steps": _integer("--steps", "N", _RUNS, "Number of updates. Default: the surface's own number."),
    "start": _text("--start", "X,Y", _RUNS, "Start such as --start=-2,0.5. Default: the surface's own."),
    "out": _path("--out", "DIR", _RESULTS, "Folder of the files. Default: out/surface."),
    "animation": _text("--animation", "FORMAT", _RESULTS, "gif (the default), mp4 or none."),
    "picture": _text("--picture", "FORMAT", _RESULTS, "png (the default) or svg."),
}


def as_command(run: Callable[[dict[str, Any]], int], *groups: Mapping[str, Any]) -> Callable[..., int]:
    """Return a function for typer that calls ``run`` with the given options.

    Parameters
    ----------
    run
        Function of a dict of options by name that returns an exit code.
    *groups
        Groups of options, in the order of the help.
    """
    types = {name: kind for group in groups for name, kind in group.items()}

    def command(**values: Any) -> int:
        return run({name: value for name, value in values.items() if value not in (None, []) and value is not False})

    command.__annotations__ = dict(types)
    parameters = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=False if kind.__origin__ is bool else None
        )
        for name, kind in types.items()
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return command
