"""The article's eight runs: how each optimizer was set, and what the article says came of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cutedl_xp.optimizers import Adadelta, Adagrad, Adam, Fixed, Momentum, Optimizer, RMSProp

EPOCHS = 5000
BATCH_SIZE = 64
INPUTS = 28 * 28
CLASSES = 10


@dataclass(frozen=True)
class Published:
    """The article's own figures of a run, of one seed each; the seconds are those of its machine."""

    steps: int
    best_accuracy: float
    final_val_loss: float
    seconds: float


@dataclass(frozen=True)
class Experiment:
    """One of the runs; every call of ``optimizer`` makes a new one."""

    title: str
    optimizer: Callable[[], Optimizer]
    published: Published


EXPERIMENTS: Mapping[str, Experiment] = MappingProxyType(
    {
        "fixed-small": Experiment("Fixed(0.0001)", lambda: Fixed(0.0001), Published(947_380, 0.9091, 0.3335, 356)),
        "fixed-large": Experiment("Fixed(0.2)", lambda: Fixed(0.2), Published(73_164, 0.8445, 0.4515, 23)),
        "fixed": Experiment("Fixed(0.01)", lambda: Fixed(0.01), Published(28_140, 0.9199, 0.2918, 9.6)),
        "momentum": Experiment(
            "Momentum(0.002, 0.9)", lambda: Momentum(0.002, 0.9), Published(23_450, 0.9224, 0.2800, 8.4)
        ),
        "adagrad": Experiment("Adagrad(0.001)", lambda: Adagrad(0.001), Published(527_156, 0.8033, 0.7336, 425)),
        "rmsprop": Experiment(
            "RMSProp(0.0001, 0.99)", lambda: RMSProp(0.0001, 0.99), Published(51_590, 0.9154, 0.4760, 22)
        ),
        "adadelta": Experiment("Adadelta(0.99)", lambda: Adadelta(0.99), Published(36_582, 0.9171, 0.3025, 19)),
        "adam": Experiment(
            "Adam(0.0001, 0.9, 0.99)", lambda: Adam(0.0001, 0.9, 0.99), Published(25_326, 0.9243, 0.2719, 13)
        ),
    }
)
