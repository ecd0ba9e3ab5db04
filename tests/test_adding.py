"""The pages that tell how to add a pruner keep their word; registries and settings name the same things."""

from __future__ import annotations

import re
import types
from pathlib import Path

import pytest
import torch
from fields import waves

from srn_core import CompressConfig, config, networks, pruners
from srn_core.training.fields import train_network
from srn_core.training.sizing import Room, initial_spec
from srn_core.volume import Volume

DOCS = Path(__file__).parent.parent / "docs"


def test_settings_offer_what_is_registered() -> None:
    assert set(config.PRUNERS) == set(pruners.PRUNERS)
    assert set(config.NETWORKS) == {"auto", *networks.NETWORKS}


def test_the_pruner_of_the_page_prunes(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (DOCS / "adding-a-pruner.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert found is not None
    code = "\n".join(line[3:] for line in found.group(1).splitlines())
    module = types.ModuleType("magnitude")
    exec(compile(code, "adding-a-pruner.md", "exec"), module.__dict__)  # noqa: S102  our own page
    monkeypatch.setitem(pruners.PRUNERS, "none", lambda settings, ratio: module.Magnitude(0.25))
    volume = Volume.from_array(waves())
    settings = CompressConfig(pruner="none", device="cpu").with_settings({"training.passes": 10})
    spec = initial_spec(settings, volume.geometry, 1, Room.of_bytes(4000, settings))
    value_range = ((float(volume.values.min()), float(volume.values.max())),)
    trained = train_network(
        volume, None, value_range, spec, settings, lambda pruner, error_of: pruner.fold(), None, 10.0
    )
    assert trained.outcome.folded.kept_fraction == pytest.approx(0.25, abs=0.02)
    for site in trained.network.sites():
        values = torch.as_tensor(trained.network.arrays()[site.name])
        assert (values != 0).any(dim=0).float().mean() == pytest.approx(0.25, abs=0.1)
