"""What a file is asked to keep to: settings, their checks, and what reports and ``srn info`` say of it."""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np
import pytest
from example_fields import field_of, neurcomp

from srn_core import codec
from srn_core.cli import main
from srn_core.cli.compress import add
from srn_core.cli.compress import settings as settings_of
from srn_core.codec import Corrections, NeuralField, Plateau, Quality
from srn_core.config import CompressConfig, TargetConfig, error_bound, error_share
from srn_core.errors import SrnInputError
from srn_core.promise import promise_of

QUALITY = Quality(50.03, 0.01, 0.0123456, 0.99)


def asked_for(target: Any, **more: Any) -> NeuralField:
    provenance = {"settings": {"target": target}}
    return field_of(neurcomp(), quality=QUALITY, provenance=provenance, original_bytes=100_000, **more)


@pytest.mark.parametrize(
    "target",
    [
        {"psnr": 0.5},
        {"psnr": 201},
        {"psnr": "inf"},
        {"max_error": 0},
        {"max_error": -1.0},
        {"max_error": "-1%"},
        {"max_error": "101%"},
        {"max_error": "%"},
        {"max_error": "5%%"},
        {"max_error": "much"},
        {"max_error": "nan"},
        {"max_error": True},
        {"max_error": [1]},
        {"psnr": 50, "max_error": 1},
        {"psnr": 50, "ratio": 10},
        {"max_error": "1%", "bytes": 10},
    ],
)
def test_targets_that_make_no_sense(target):
    with pytest.raises(SrnInputError, match="target"):
        CompressConfig.from_dict({"target": target})


def test_largest_errors_are_numbers_or_shares_of_the_range():
    config = CompressConfig().with_settings({"target.max_error": "0.5%"})
    assert config.target.max_error == "0.5%"
    assert CompressConfig.from_dict(config.to_dict()) == config
    assert CompressConfig().with_settings({"target.max_error": " 0.25 "}).target.max_error == 0.25
    assert CompressConfig().with_settings({"target.max_error": 3}).target.max_error == 3.0
    assert CompressConfig().with_settings({"target.max_error": "none"}).target.max_error is None
    assert (error_share("0.5 %"), error_share(0.5), error_share("0.5")) == (0.005, None, None)
    assert error_bound("0.5%", ((0.0, 1.0), (-10.0, 30.0))) == pytest.approx(0.2)
    assert error_bound(0.125, ((0.0, 1.0),)) == 0.125


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ({"ratio": 20}, ("ratio 20 at least", "25", True)),
        ({"ratio": 26}, ("ratio 26 at least", "25", False)),
        ({"bytes": 4000}, ("4,000 bytes at most", "4,000 bytes", True)),
        ({"bytes": 3999}, ("3,999 bytes at most", "4,000 bytes", False)),
        ({"parameter_ratio": 1.2}, ("parameter ratio 1.2 at least", "1.312", True)),
        ({"psnr": 50.1}, ("PSNR 50.1 dB", "50.03 dB", True)),
        ({"psnr": 50.2}, ("PSNR 50.2 dB", "50.03 dB", False)),
        ({"max_error": 0.0125}, ("max error 0.0125", "0.01235", True)),
        ({"max_error": 0.0123}, ("max error 0.0123", "0.01235", False)),
        ({"max_error": "0.33%"}, ("max error 0.33 % of the range", "0.329 %", True)),
        ({"max_error": "0.32%"}, ("max error 0.32 % of the range", "0.329 %", False)),
    ],
)
def test_promises_in_words(target, words):
    assert promise_of(asked_for(target), 4000) == words


@pytest.mark.parametrize("target", [{}, {"psnr": -1}, {"later": 3}, {"max_error": "x"}, 7, {"psnr": "high"}])
def test_what_no_settings_promise(target):
    assert promise_of(asked_for(target), 4000) is None
    assert promise_of(field_of(neurcomp()), 4000) is None


def test_info_tells_what_was_asked_and_what_was_measured(tmp_path, capsys):
    codes = np.zeros((5, 7, 9, 1), np.int32)
    codes[2, 3, 4] = -2
    land = np.zeros((5, 7, 9), bool)
    land[0, :2] = True
    more = {"plateau": Plateau(land, (-1.5,)), "corrections": Corrections(codes, 0.01)}
    codec.write(tmp_path / "a.srn", asked_for({"max_error": "0.5%"}, **more))
    assert main(["info", str(tmp_path / "a.srn")]) == 0
    table = capsys.readouterr().out
    assert "max error 0.5 % of the range; measured 0.329 %\n" in table
    assert "18 samples are exactly -1.5" in table
    assert "of 1 values" in table
    assert "plateau mask" in table
    assert main(["info", str(tmp_path / "a.srn"), "--json"]) == 0
    (field,) = json.loads(capsys.readouterr().out)["fields"]
    assert field["promise"] == {"asked": "max error 0.5 % of the range", "measured": "0.329 %", "kept": True}
    assert field["plateau"] == {"values": [-1.5], "samples": 18}
    assert field["corrected_values"] == 1


@pytest.mark.parametrize(
    ("options", "target"),
    [
        (["--psnr", "45"], TargetConfig(psnr=45.0)),
        (["--max-error", "0.5%"], TargetConfig(max_error="0.5%")),
        (["--max-error", "0.02"], TargetConfig(max_error=0.02)),
        (["--bytes", "5000"], TargetConfig(bytes=5000)),
    ],
)
def test_options_of_the_command_line(options, target, tmp_path):
    (tmp_path / "c.json").write_text('{"target": {"ratio": 50}}')
    parser = argparse.ArgumentParser()
    add(parser.add_subparsers())
    given = parser.parse_args(["compress", "in.npy", "out.srn", "--config", str(tmp_path / "c.json"), *options])
    assert settings_of(given).target == target
    with pytest.raises(SystemExit):
        parser.parse_args(["compress", "in.npy", "out.srn", "--ratio", "5", *options])
