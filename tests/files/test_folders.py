"""Folders that are removed if no file is written to them."""

from pathlib import Path

import pytest

from cutedl_xp.files.folders import removed_if_empty


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, None])
@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("existed", ["", "a", "a/b"])
def test_new_folders_are_removed_if_they_are_empty(
    tmp_path: Path, error: type[BaseException] | None, written: bool, existed: str
) -> None:
    (tmp_path / existed).mkdir(parents=True, exist_ok=True)
    folder = tmp_path / "a" / "b"
    try:
        with removed_if_empty(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if written:
                (folder / "file").write_text("")
            if error is not None:
                raise error
    except (KeyboardInterrupt, OSError):
        assert error is not None
    assert folder.exists() == (written or error is None or existed == "a/b")
    assert (tmp_path / "a").exists() == (written or error is None or existed != "")
