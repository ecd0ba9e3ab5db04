"""The size a network starts with."""

from __future__ import annotations

import math

import pytest

from srn_core.config import CompressConfig
from srn_core.spec import FvSrnSpec, NetworkSpec, NeurcompSpec
from srn_core.training.sizing import LEAST_OVERSIZE, OVERSIZE, Room, grid_dims, initial_spec, oversize
from srn_core.volume import Geometry


def numbers(spec: NetworkSpec) -> int:
    return sum(math.prod(shape) for shape in spec.shapes().values())


@pytest.mark.parametrize("network", ["fvsrn", "neurcomp"])
def test_sizes_grow_with_the_room(network: str) -> None:
    config = CompressConfig(network=network, pruner="none")
    rooms = (3_000, 10_000, 40_000, 150_000)
    found = [initial_spec(config, Geometry((125, 125, 25)), 1, Room.of_bytes(room, config)) for room in rooms]
    counts = [numbers(spec) for spec in found]
    assert counts == sorted(set(counts))


@pytest.mark.parametrize("network", ["fvsrn", "neurcomp"])
@pytest.mark.parametrize("count", [5_000, 20_000, 60_000])
def test_unpruned_networks_use_the_parameters_they_may_have(network: str, count: int) -> None:
    config = CompressConfig(network=network, pruner="none")
    spec = initial_spec(config, Geometry((150, 150, 150)), 1, Room.of_parameters(count))
    assert 0.85 * count < numbers(spec) <= count


def test_a_pruned_grid_starts_larger() -> None:
    geometry, room = Geometry((128, 128, 128)), Room.of_parameters(20_000)
    small = initial_spec(CompressConfig(pruner="none"), geometry, 1, room)
    large = initial_spec(CompressConfig(pruner="smallify"), geometry, 1, room)
    assert 0.8 * OVERSIZE["fvsrn"] < numbers(large) / numbers(small) < 1.2 * OVERSIZE["fvsrn"]
    twice = CompressConfig(pruner="smallify").with_settings({"pruning.oversize": 2})
    assert 1.6 < numbers(initial_spec(twice, geometry, 1, room)) / numbers(small) < 2.2


def test_given_sizes_are_kept() -> None:
    config = CompressConfig().with_settings({"fvsrn.grid": "9x8x7", "fvsrn.width": 12, "fvsrn.features": 3})
    spec = initial_spec(config, Geometry((50, 50, 50)), 1, Room.of_bytes(10_000, config))
    assert isinstance(spec, FvSrnSpec)
    assert spec.grid == (7, 8, 9) and spec.widths == (12,) * config.fvsrn.layers and spec.features == 3
    config = CompressConfig(network="neurcomp").with_settings({"neurcomp.width": 17, "neurcomp.blocks": 3})
    spec = initial_spec(config, Geometry((50, 50, 50)), 1, Room.of_bytes(10_000, config))
    assert isinstance(spec, NeurcompSpec) and spec.width == 17 and spec.hidden == (17, 17, 17)


@pytest.mark.parametrize("dims", [(125, 125, 25), (64, 1, 1), (33, 20, 1), (8, 8, 8)])
def test_grid_keeps_the_proportions_and_is_no_finer_than_the_volume(dims: tuple[int, int, int]) -> None:
    for vertices in (8, 300, 5_000, 1e9):
        grid = grid_dims(dims, vertices)
        assert all(1 <= g <= n for g, n in zip(grid, dims))
        assert math.prod(grid) <= max(vertices, 8)
    assert grid == dims


def test_large_grids_start_with_no_more_than_can_be_learnt() -> None:
    config = CompressConfig(pruner="smallify")
    factors = [oversize(config, fits) for fits in (1_000, 40_000, 100_000, 10**6)]
    assert factors == [10.0, 10.0, 4.0, LEAST_OVERSIZE]
    assert oversize(CompressConfig(pruner="none"), 1_000) == 1.0
    assert oversize(config.with_settings({"pruning.oversize": 7}), 10**6) == 7.0
