"""Studies: comparisons of optimizers over seeds, learning rates, models and data sets, stored in a folder."""

from cutedl_xp.studies.frame import to_frame
from cutedl_xp.studies.plan import Plan
from cutedl_xp.studies.settings import Settings
from cutedl_xp.studies.study import Study, read

__all__ = ["Plan", "Settings", "Study", "read", "to_frame"]
