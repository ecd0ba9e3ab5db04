"""Several searches side by side: their names, tables, picture, and what cannot be compared."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from searches import made_up

from srn_core.cli import main
from srn_core.errors import SrnInputError
from srn_core.search import report
from srn_core.search.side_by_side import named


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> list[Path]:
    place = tmp_path_factory.mktemp("searches")
    made_up(place / "free", trials=12)
    made_up(place / "fixed", trials=6, seed=1, fixed={"fvsrn.layers": 2, "training.passes": 3.0})
    made_up(place / "again", trials=5, seed=2)
    return [place / "free", place / "fixed", place / "again"]


def test_fronts_areas_and_picture_of_all_searches(folders, tmp_path, capsys):
    out = tmp_path / "compared"
    assert main(["search-compare", *map(str, folders), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    table = rows(out / "compared.csv")
    names = [row["search"] for row in table]
    assert names[1] == "fvsrn, smallify, by settings, fixed fvsrn.layers=2", "how long is no part of it"
    assert names[0] == f"fvsrn, smallify, by settings, free ({folders[0]})", "even what is fixed is the same"
    assert [int(row["trials"]) for row in table] == [12, 6, 5]
    for row, folder in zip(table, folders):
        front = [r for r in rows(out / "fronts.csv") if r["search"] == row["search"]]
        assert len(front) == int(row["points"]) == len(report.load(folder).front())
        assert row["search"] in said
    # All lie on one curve, which is no straight line: more points see more of it, and no front lies above another.
    assert float(table[0]["hypervolume"]) > float(table[1]["hypervolume"]) > 0
    assert table[0]["front_gain_db"] == "" and float(table[1]["front_gain_db"]) == pytest.approx(0.0, abs=0.05)
    pytest.importorskip("matplotlib")
    assert (out / "compared.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_as_json(folders, tmp_path, capsys):
    assert main(["search-compare", *map(str, folders[:2]), "--out", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [entry["trials"] for entry in told["searches"]] == [12, 6]


def test_what_cannot_be_compared_is_refused(folders, tmp_path):
    small = made_up(tmp_path / "small", trials=3, size=12)
    other = made_up(tmp_path / "other", trials=3, objectives=("parameter_ratio", "psnr"))
    free = report.load(folders[0])
    with pytest.raises(SrnInputError, match="only fronts of one volume"):
        named([folders[0], Path("small")], [free, small])
    with pytest.raises(SrnInputError, match="only fronts of the same two"):
        named([folders[0], Path("other")], [free, other])
    with pytest.raises(SrnInputError, match="named twice"):
        named([folders[0], folders[0]], [free, free])


def test_a_search_without_a_finished_trial_is_told(folders, tmp_path, capsys):
    made_up(tmp_path / "none", trials=1)
    (tmp_path / "none" / "trials.jsonl").write_bytes(b"")
    assert main(["search-compare", str(folders[0]), str(tmp_path / "none"), "--out", str(tmp_path / "out")]) == 2
    assert "has no finished trial" in capsys.readouterr().err and not (tmp_path / "out").exists()
