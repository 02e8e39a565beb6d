"""The statistics of results, and the table, the CSV file and the picture of a comparison."""

import csv
import io
import sys
from pathlib import Path
from typing import Any

import pytest

from cutedl_xp.bench import report
from cutedl_xp.bench.comparison import Result


def result(**changes: Any) -> Result:
    """Return four rounds of 1, 2, 3 and 4 ms, of which the floor takes 10, 20, 30 and 40 %."""
    values: dict[str, Any] = {
        "backend": "numpy", "version": "2", "device": "cpu", "model": "4-3", "task": "training step", "batch_size": 5,
        "calls": 8, "seconds": (1e-3, 2e-3, 3e-3, 4e-3), "floor_seconds": (1e-4, 4e-4, 9e-4, 16e-4),
        "floor_amount": 1_300, "floor_unit": "FLOP",
    }  # fmt: skip
    return Result(**values | changes)


UPDATE = {"task": "update, Adam", "batch_size": 0, "floor_unit": "B"}


class TestResult:
    def test_median_of_the_rounds(self) -> None:
        assert result().median == 2.5e-3
        assert result(seconds=(5.0, 1.0, 2.0)).median == 2.0

    def test_spread_is_the_distance_of_the_quartiles(self) -> None:
        assert result().quartiles == pytest.approx((1.75e-3, 3.25e-3))
        assert result().spread == pytest.approx(1.5 / 2.5)

    def test_samples_a_second(self) -> None:
        assert result().samples_per_second == pytest.approx(2_000.0)
        assert result(**UPDATE).samples_per_second == 0.0

    def test_share_is_the_median_of_the_rounds(self) -> None:
        assert result().share == pytest.approx(0.25)

    def test_limit_is_the_rate_of_the_floor(self) -> None:
        assert result().limit == pytest.approx(1_300 / 6.5e-4)


class TestReport:
    results = (
        result(),
        result(backend="torch", seconds=(2e-3, 4e-3, 6e-3, 8e-3), float32_products="TF32, by choice"),
        result(**UPDATE, floor_amount=26_000),
        result(backend="torch", **UPDATE),
    )

    def test_table(self) -> None:
        text = report.format_table(self.results)
        assert [" ".join(line.split()) for line in text.splitlines()] == [
            "training step, batch 5 x fastest median spread samples/s share limit",
            "numpy 2 on cpu 1.00 2.5 ms 60 % 2,000 25 % 2.0 MFLOP/s",
            "torch 2 on cpu 2.00 5.0 ms 60 % 1,000 12 % 2.0 MFLOP/s",
            "",
            "update, Adam x fastest median spread samples/s share limit",
            "numpy 2 on cpu 1.00 2.5 ms 60 % - 25 % 40.0 MB/s",
            "torch 2 on cpu 1.00 2.5 ms 60 % - 25 % 2.0 MB/s",
        ]
        assert len({len(line) for line in text.splitlines() if line}) == 1

    @pytest.mark.parametrize(
        ("value", "unit", "words"),
        [(2.0, "s", "2.0 s"), (5e3, "s", "5000.0 s"), (3.25e-3, "s", "3.2 ms"), (9.5e-5, "s", "95.0 us"),
         (4e-8, "s", "0.0 us"), (2.5e12, "B/s", "2500.0 GB/s"), (999.0, "B/s", "999.0 B/s")],
    )  # fmt: skip
    def test_units(self, value: float, unit: str, words: str) -> None:
        assert report._format_quantity(value, unit) == words

    def test_csv(self) -> None:
        rows = list(csv.DictReader(io.StringIO(report.format_csv(self.results, "a machine, with 2 cores"))))
        assert [row["task"] for row in rows] == ["training step"] * 2 + ["update, Adam"] * 2
        assert [(row["batch_size"], row["samples_per_second"]) for row in rows[1:3]] == [("5", "1000.0"), ("", "")]
        assert rows[0]["machine"] == "a machine, with 2 cores"
        assert [row["float32_products"] for row in rows] == ["float32", "TF32, by choice", "float32", "float32"]
        assert float(rows[0]["median_seconds"]) == 2.5e-3
        assert float(rows[0]["share"]) == pytest.approx(0.25)
        assert [float(part) for part in rows[0]["seconds"].split()] == list(self.results[0].seconds)
        assert [float(part) for part in rows[0]["floor_seconds"].split()] == list(self.results[0].floor_seconds)
        assert [row["limit_unit"] for row in rows] == ["FLOP/s"] * 2 + ["B/s"] * 2

    def test_picture_shows_the_medians(self) -> None:
        pytest.importorskip("matplotlib")
        figure = report.draw_picture(self.results, "of $1 and $2")
        dots = figure.axes[0].collections[0].get_offsets()
        assert dots[0][0] == pytest.approx(2_500.0)
        assert [text.get_text() for text in figure.legends[0].get_texts()] == ["numpy 2 on cpu", "torch 2 on cpu"]
        assert [label.get_text() for label in figure.axes[1].get_yticklabels()] == ["update, Adam"]

    def test_files(self, tmp_path: Path) -> None:
        pytest.importorskip("matplotlib")
        told = report.write_files(self.results, tmp_path)
        assert told == [f"written: {tmp_path / 'bench.csv'}", f"written: {tmp_path / 'bench.png'}"]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["bench.csv", "bench.png"]
        assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")

    def test_without_matplotlib_there_is_no_picture(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
        told = report.write_files(self.results, tmp_path)
        assert told[1] == (
            'no picture: plotting needs matplotlib, which is not installed: pip install "cutedl_xp[plot]"'
        )
        assert [path.name for path in tmp_path.iterdir()] == ["bench.csv"]

    def test_folder_is_made(self, tmp_path: Path) -> None:
        report.check_folder(tmp_path / "a" / "b")
        assert (tmp_path / "a" / "b").is_dir()

    @pytest.mark.parametrize("place", ["file", "file/below"])
    def test_file_is_not_a_folder(self, place: str, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("kept")
        with pytest.raises(OSError, match="there is a file of that name; give another one"):
            report.check_folder(tmp_path / place)
        assert (tmp_path / "file").read_text() == "kept"
