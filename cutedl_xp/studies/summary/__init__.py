"""Tables of a study: pure functions from runs as plain dicts to rows as plain dicts."""

from cutedl_xp.studies.summary._differences import differences
from cutedl_xp.studies.summary._overview import summarise

__all__ = ["differences", "summarise"]
