"""scikit-learn estimators: fully connected networks for classification and regression."""

from cutedl_xp._checks import missing_extra_error

try:
    import sklearn as _sklearn  # noqa: F401
except ImportError as error:
    raise missing_extra_error("cutedl_xp.sklearn", "scikit-learn", "sklearn") from error

from cutedl_xp.sklearn.classifier import NetClassifier
from cutedl_xp.sklearn.regressor import NetRegressor

__all__ = ["NetClassifier", "NetRegressor"]
