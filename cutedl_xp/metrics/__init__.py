"""Metrics: numbers that a session reports in addition to the loss.

A metric object, such as ``Precision()``, is computed over the whole data set. A plain function
``function(y_true, y_pred)`` that returns the mean of a batch as a 0-d array is averaged over the batches.
"""

from typing import TYPE_CHECKING

from cutedl_xp._familiar import raise_unknown
from cutedl_xp.metrics._metric import Metric
from cutedl_xp.metrics.accuracies import Accuracy, BinaryAccuracy, TopKAccuracy
from cutedl_xp.metrics.classes import F1, ConfusionMatrix, Precision, Recall
from cutedl_xp.metrics.functions import MetricFunction, accuracy, binary_accuracy
from cutedl_xp.metrics.regression import R2, RMSE, MeanAbsoluteError
from cutedl_xp.metrics.roc import RocAuc

__all__ = [
    "F1",
    "R2",
    "RMSE",
    "Accuracy",
    "BinaryAccuracy",
    "ConfusionMatrix",
    "MeanAbsoluteError",
    "Metric",
    "MetricFunction",
    "Precision",
    "Recall",
    "RocAuc",
    "TopKAccuracy",
    "accuracy",
    "binary_accuracy",
]

if not TYPE_CHECKING:  # a type checker would accept any name

    def __getattr__(name: str) -> None:
        raise_unknown(__name__, name)
