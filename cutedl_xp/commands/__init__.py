"""Command line: each module is one command, with ``NAME``, ``HELP``, ``add_arguments`` and ``run``."""
