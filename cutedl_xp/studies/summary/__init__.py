"""Tables of a study: pure functions from runs as plain dicts to rows as plain dicts."""

from cutedl_xp.studies.summary._differences import differences
from cutedl_xp.studies.summary._overview import summarise
from cutedl_xp.studies.summary._profile import profile
from cutedl_xp.studies.summary._rates import rates, usable_rates

__all__ = ["differences", "profile", "rates", "summarise", "usable_rates"]
