"""Data sets, and batches of them."""

from cutedl_xp.datasets import mnist
from cutedl_xp.datasets._dataset import Dataset

__all__ = ["Dataset", "mnist"]
