"""Models: layers, their parameters, predictions and files."""

from cutedl_xp.model.model import Model

__all__ = ["Model"]
