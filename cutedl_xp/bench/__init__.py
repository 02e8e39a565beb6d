"""Comparison of backends, and the self test."""

from cutedl_xp.bench.comparison import Result, check_plan, choose_backends, compare, measure

__all__ = ["Result", "check_plan", "choose_backends", "compare", "measure"]
