"""``cutedl-xp info``: list the backends."""

import argparse

from cutedl_xp._machine import describe_override
from cutedl_xp.backends import available_backends, get_backend
from cutedl_xp.commands._environment import share_gpu_memory

NAME = "info"
HELP = "list the backends with their devices, or with the reason why they cannot be used"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add no arguments, as the command has no options."""


def run(options: argparse.Namespace) -> int:
    """Print a line for each device of each backend, and the format of its float32 products."""
    share_gpu_memory()
    rows = [("backend", "version", "devices, or why it cannot be used")]
    for name, reason in available_backends().items():
        if reason is not None:
            rows.append((name, "-", f"not usable: {reason}"))
            continue
        backend = get_backend(name)
        rows += [(name, backend.version, device) for device in backend.devices()]
        rows.append((name, backend.version, f"float32 products: {backend.float32_products}"))
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for row in rows:
        print(f"{row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[2]}")
    for setting in describe_override():
        print(setting)
    return 0
