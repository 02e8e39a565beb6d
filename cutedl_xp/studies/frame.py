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
        If the folder holds no study, or a file in it is damaged.

    Examples
    --------
    >>> from cutedl_xp import studies
    >>> frame = studies.to_frame("out/compare")  # doctest: +SKIP
    >>> frame.groupby("optimizer")["test_accuracy"].mean()  # doctest: +SKIP
    """
    try:
        import pandas
    except ImportError as error:
        raise missing_extra_error("a DataFrame", "pandas", "pandas") from error
    return pandas.DataFrame(run_rows(read(folder)))
