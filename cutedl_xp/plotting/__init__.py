"""Pictures of training runs: functions that draw a History and return a matplotlib figure."""

from cutedl_xp.plotting.ends import RunEnd
from cutedl_xp.plotting.looks import styles
from cutedl_xp.plotting.many_runs import curves, seeds
from cutedl_xp.plotting.maps import target_map
from cutedl_xp.plotting.profiles import profile
from cutedl_xp.plotting.range_test import range_test
from cutedl_xp.plotting.rows import accuracies, targets
from cutedl_xp.plotting.runs import comparison, report, save
from cutedl_xp.plotting.sweeps import rates

__all__ = [
    "RunEnd",
    "accuracies",
    "comparison",
    "curves",
    "profile",
    "range_test",
    "rates",
    "report",
    "save",
    "seeds",
    "styles",
    "target_map",
    "targets",
]
