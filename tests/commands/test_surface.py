"""The command ``surface``: files, table and errors."""

import csv

import pytest

pytest.importorskip("rich")
pytest.importorskip("matplotlib")
import matplotlib as mpl

from cutedl_xp.commands import surface
from cutedl_xp.plotting import animation


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def test_the_files_and_the_table(tmp_path, capsys):
    out = tmp_path / "new" / "folder"
    options = {"optimizer": ["Adam(lr=1e-1)", "fixed(lr=0.021)", "adam(lr=0.1)"], "steps": 60, "start": "-2,0.5"}
    assert surface.run(surface=["ravine"], **options, out=out) == 0
    assert names(out) == ["ravine.csv", "ravine.gif", "ravine.png"]
    printed = capsys.readouterr().out
    assert "ravine: (x² + 100 y²)/2" in printed
    assert [line.split()[:2] for line in printed.splitlines() if "lr=" in line and ":" not in line] == [
        ["adam(lr=0.1)", "60"],
        ["fixed(lr=0.021)", "60"],
    ]
    assert "fixed(lr=0.021): outside the picture from step " in printed
    assert printed.split()[-3:] == [str(out / f"ravine.{ending}") for ending in ("csv", "png", "gif")]
    with (out / "ravine.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 61
    assert (rows[0]["x"], rows[0]["y"]) == ("-2.0", "0.5")


def test_by_default_all_surfaces_with_six_rules(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(animation, "animate", lambda ground, paths, path: path.write_text(f"{len(paths)}"))
    assert surface.run(out=tmp_path, steps=3) == 0
    assert names(tmp_path) == sorted(
        f"{name}.{ending}"
        for name in ("saddle", "beale", "rosenbrock", "ravine", "camel")
        for ending in ("csv", "gif", "png")
    )
    assert {path.read_text() for path in tmp_path.glob("*.gif")} == {"6"}
    assert capsys.readouterr().out.count("The distance is to the nearest minimum") == 5


def test_a_path_that_is_not_finite_is_a_result(tmp_path, capsys):
    options = {"optimizer": ["fixed(lr=0.01)"], "animation": "none", "picture": "svg"}
    assert surface.run(surface=["rosenbrock"], **options, out=tmp_path) == 0
    assert names(tmp_path) == ["rosenbrock.csv", "rosenbrock.svg"]
    assert "fixed(lr=0.01): not finite at step 6." in capsys.readouterr().out


def test_the_table_fits_into_60_columns(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    surface.run(surface=["camel"], animation="none", out=tmp_path)
    lines = [line for line in capsys.readouterr().out.splitlines() if str(tmp_path) not in line]
    assert max(map(len, lines)) <= 60
    assert any("adadelta(eps=0.005)" in line for line in lines)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"surface": ["sphere"]}, r"a surface must be one of 'all', .*; got 'sphere'"),
        ({"optimizer": ["sgd"]}, "sgd"),
        ({"optimizer": ["adam(lr=-1)"]}, "lr"),
        ({"steps": 0}, "`steps` must be 1 or greater; got 0"),
        ({"start": "1"}, "--start must be two numbers such as -1,0.5; got '1'"),
        ({"start": "1,a"}, "--start must be two numbers"),
        ({"start": "1,2,3"}, "--start must be two numbers"),
        ({"start": "0,1.3"}, "`start` on 'rosenbrock' must have|`start` on 'ravine' must have"),
        ({"animation": "avi"}, "`animation` must be one of 'gif', 'mp4', 'none'; got 'avi'"),
        ({"picture": "jpg"}, "`picture` must be one of 'png', 'svg'; got 'jpg'"),
    ],
)
def test_wrong_options_are_refused_before_any_work(options, message, tmp_path, capsys):
    with pytest.raises(ValueError, match=message):
        surface.run(**options, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert capsys.readouterr() == ("", "")


def test_without_ffmpeg_nothing_is_made(tmp_path):
    with mpl.rc_context({"animation.ffmpeg_path": str(tmp_path / "none")}), pytest.raises(OSError, match="ffmpeg"):
        surface.run(animation="mp4", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_instead_of_the_folder(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(OSError, match="cannot be a folder"):
        surface.run(surface=["beale"], out=tmp_path / "out")
