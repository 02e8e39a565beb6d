"""Runs as a pandas DataFrame."""

import os
from typing import Any

from cutedl_xp._checks import missing_extra_error
from cutedl_xp.studies.study import read
from cutedl_xp.studies.table import run_rows


def to_frame(folder: str | os.PathLike[str]) -> Any:
    """Return the finished runs of a study's folder as a pandas DataFrame with a row for each run.

    Parameters
    ----------
    folder
        Folder of a study.

    Raises
    ------
    ImportError
        If pandas is not installed.
    OSError, ValueError
        If it is no such folder, or a file in it is damaged.
    """
    try:
        import pandas
    except ImportError as error:
        raise missing_extra_error("a DataFrame", "pandas", "pandas") from error
    return pandas.DataFrame(run_rows(read(folder)))
