"""Pictures of recorded training runs: a History in, a matplotlib figure out."""

from cutedl_xp.plotting.runs import comparison, report, save

__all__ = ["comparison", "report", "save"]
