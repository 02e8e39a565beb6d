"""Data sets, and batches of them."""

from cutedl_xp.datasets import mnist
from cutedl_xp.datasets._dataset import Dataset
from cutedl_xp.datasets._from_batches import Batches
from cutedl_xp.datasets._idx_folder import idx_folder, read_idx
from cutedl_xp.datasets._weights import Batch

Data = Dataset | Batches
"""Training or evaluation data."""

__all__ = ["Batch", "Batches", "Data", "Dataset", "idx_folder", "mnist", "read_idx"]
