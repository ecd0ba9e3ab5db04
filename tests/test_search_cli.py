"""``srn search`` and ``srn search-report`` as a user meets them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

from searches import made_up, volume_file

from srn_core.cli import main
from srn_core.prediction import places
from srn_core.search.objectives import OBJECTIVES
from srn_core.search.ranges import RANGES

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "ax", "botorch", "matplotlib", "scipy")


@pytest.mark.parametrize("command", ["search", "search-report", "search-compare", "search-fit"])
def test_help_imports_nothing_heavy(command):
    code = (
        "import sys\nfrom srn_core.cli import main\n"
        f"try:\n    main([{command!r}, '--help'])\nexcept SystemExit as end:\n    assert end.code == 0\n"
        f"print('HEAVY', [m for m in {HEAVY!r} if m in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "filters")])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("HEAVY []\n") and "examples:" in done.stdout


def test_help_and_docs_name_every_objective_and_setting(capsys):
    with pytest.raises(SystemExit):
        main(["search", "--help"])
    said = capsys.readouterr().out
    assert all(name in said for name in OBJECTIVES)
    text = (ROOT / "docs" / "search.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in (*OBJECTIVES, *RANGES))
    command = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    options = set(re.findall(r"^  (?:-h, )?(--[a-z-]+)", said, re.MULTILINE)) - {"--help"}
    assert {option for option in options if f"`{option}" not in text + command} == set()


def test_a_search_by_settings_ends_in_a_front_and_a_report(tmp_path, capsys):
    """As in the thesis: nothing is asked for, thresholds and network decide."""
    volume, out = volume_file(tmp_path), tmp_path / "found"
    arguments = ["search", volume, "--out", out, "--generator", "sobol", "--trials", 3, "--sizes", "settings"]
    arguments += ["--pruner", "variational-static", "--objectives", "parameter_ratio,psnr", "--json"]
    arguments += ["--fix", "training.passes=1", "--fix", "training.batch=512", "--free", "fvsrn.grid=4:12"]
    assert main([str(argument) for argument in arguments]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["trials"] == told["done"] == 3 and told["hypervolume"] > 0
    point = told["front"][0]
    assert point["settings"]["pruning.thresholds"] == "fixed" and len(point["settings"]["fvsrn.grid"]) == 3
    assert (out / "front.png").exists() and json.loads((out / point["config"]).read_text())["pruner"]


def test_report_prints_the_lines(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("srn_core.search.figures.can_draw", lambda: False)
    folder = tmp_path / "found"
    made_up(folder)
    assert main(["search-report", str(folder)]) == 0
    said = capsys.readouterr()
    assert re.search(r"smallify.lambda_beta +ln\(setting\) = .*R\^2 0\.9", said.out) and "matplotlib" in said.err
    assert main(["search-report", str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["front"] >= 3 and told["sensitivity"][0]["setting"] == "smallify.lambda_beta"


def test_own_searches_become_what_compressions_start_from(tmp_path, capsys, monkeypatch):
    made_up(tmp_path / "found")
    monkeypatch.setattr(places.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert main(["search-fit", str(tmp_path / "found")]) == 0
    said = capsys.readouterr().out
    assert re.search(r"smallify.lambda_beta +R\^2 0\.9", said) and str(places.own_file()) in said
    monkeypatch.delenv("SRN_PREDICTOR")
    assert places.predictor_of("auto").rule("fvsrn", "smallify") is not None
    alone = tmp_path / "alone.json"
    assert main(["search-fit", str(tmp_path / "found"), "--alone", "--out", str(alone), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["out"] == str(alone) and [rule["pruner"] for rule in told["rules"]] == ["smallify"]
    assert told["sizes"]["points"] < places.predictor_of("shipped").sizes.points
    arguments = ["compress", str(volume_file(tmp_path)), str(tmp_path / "a.srn"), "--pruner", "smallify", "--json"]
    arguments += ["--ratio", "3", "--passes", "1", "--set", f"predictor={alone}"]
    assert main(arguments) == 0
    assert "smallify.lambda_beta" in json.loads(capsys.readouterr().out)["predicted_settings"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["search", "none.npy"], "none.npy"),
        (["search", "VOLUME", "--objectives", "psnr"], "two objectives"),
        (["search", "VOLUME", "--fix", "fvsrn.layers"], "--fix takes name=value"),
        (["search", "VOLUME", "--fix", "fvsrn.layers=many"], "whole number"),
        (["search", "VOLUME", "--free", "fvsrn.beauty"], "no such setting to search"),
        (["search", "VOLUME", "--margin", "wide"], "--margin takes"),
        (["search", "VOLUME", "--trials", "0"], "trials must be from 1"),
        (["search", "VOLUME", "--peers", "none.csv"], "cannot read the peers"),
        (["search", "VOLUME", "--resume"], "holds no search"),
        (["search-report", "nowhere"], "holds no search"),
        (["search-fit", "nowhere"], "holds no search"),
        (["search-compare", "nowhere", "elsewhere"], "holds no search"),
        (["search-compare", "nowhere"], "needs two searches"),
        (["search-report", "nowhere", "--volume", "a.npy"], "belongs to --check-fit"),
    ],
)
def test_bad_input_ends_with_2_and_one_line(arguments, words, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    volume = str(volume_file(tmp_path))
    given = [volume if argument == "VOLUME" else argument for argument in arguments]
    if "search" in given:
        given += ["--generator", "sobol", "--out", str(tmp_path / "out")]
    assert main(given) == 2
    said = capsys.readouterr().err
    assert words in said and said.startswith("srn: error: ") and said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_search_in_which_all_fails_says_why(tmp_path, capsys):
    volume = str(volume_file(tmp_path))
    arguments = ["search", volume, "--out", str(tmp_path / "out"), "--generator", "sobol", "--trials", "2"]
    assert main([*arguments, "--free", "target.ratio=5000:6000"]) == 2
    assert "none of 2 trials came to an end" in capsys.readouterr().err
    assert (tmp_path / "out" / "trials.csv").exists()
