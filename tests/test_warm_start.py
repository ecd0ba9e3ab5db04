"""Trainings that start from the network of a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Optional

import numpy as np
import pytest
import torch
from fields import waves

from srn_core import codec
from srn_core.codec import NeuralField
from srn_core.config import CompressConfig
from srn_core.errors import SrnInputError
from srn_core.networks import build_network
from srn_core.spec import ConstantSpec, FvSrnSpec, NetworkSpec, NeurcompSpec
from srn_core.training.fields import Trained, train_network
from srn_core.training.sizing import wavelet_spec
from srn_core.training.warm_start import Start, start_of
from srn_core.volume import Volume

RANGE = ((-3.5, 3.5),)


def volume(**options: int) -> Volume:
    return Volume.from_array(waves(**options))


def spec_of(network: str) -> NetworkSpec:
    half = volume().geometry.half_extent
    if network == "fvsrn":
        return FvSrnSpec(half, 1, (12, 12), 2, 2, (6, 8, 10), wavelet_spec("bior4.4", 2))
    return NeurcompSpec(half, 1, 16, (16, 16), True, 10.0)


def config_of(network: str, **settings: object) -> CompressConfig:
    return CompressConfig(network=network, pruner="none").with_settings(settings)


def trained(config: CompressConfig, start: Optional[Start] = None) -> Trained:
    spec = spec_of(config.network) if start is None else start.spec
    return train_network(
        volume(),
        None,
        RANGE,
        spec,
        config,
        lambda pruner, *_: pruner.fold(),
        None,
        10.0,
        None if start is None else start.arrays,
    )


def field_of(spec: NetworkSpec, arrays: dict[str, np.ndarray], name: str, time: Optional[float] = None) -> NeuralField:
    stored = {key: codec.quantise(values, 12) for key, values in arrays.items()}
    return NeuralField(spec, stored, volume().geometry, name, "float32", RANGE, time=time)


def saved(path: Path, *fields: NeuralField) -> str:
    codec.write(path, list(fields))
    return str(path)


def fresh_field(network: str = "fvsrn", seed: int = 0, **options: object) -> NeuralField:
    spec = spec_of(network)
    arrays = build_network(spec, torch.Generator().manual_seed(seed)).arrays()
    return field_of(spec, arrays, **{"name": volume().name, **options})  # type: ignore[arg-type]


def start(config: CompressConfig, path: str, of: Optional[Volume] = None) -> Start:
    found = start_of(config.with_settings({"training.start": path}), volume() if of is None else of)
    assert found is not None
    return found


def test_no_start_is_no_start() -> None:
    assert start_of(CompressConfig(), volume()) is None


@pytest.mark.parametrize("network", ["fvsrn", "neurcomp"])
@pytest.mark.parametrize("pruner", ["none", "smallify"])
def test_two_passes_from_a_file_beat_two_passes_from_nothing(network: str, pruner: str, tmp_path: Path) -> None:
    first = trained(config_of(network, **{"training.passes": 30}))
    path = saved(tmp_path / "first.srn", field_of(first.network.spec(), first.network.arrays(), volume().name))
    short = replace(config_of(network, **{"training.passes": 2}), pruner=pruner)
    warm, cold = trained(short, start(short, path)), trained(short)
    assert warm.error_of(warm.network) < 0.1 * cold.error_of(cold.network)


def test_the_start_has_the_numbers_of_the_file(tmp_path: Path) -> None:
    field = fresh_field()
    found = start(config_of("fvsrn"), saved(tmp_path / "a.srn", field))
    assert found.spec == field.spec
    for name, array in field.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array.values())


def test_what_was_pruned_may_grow_again(tmp_path: Path) -> None:
    spec = spec_of("fvsrn")
    network = build_network(spec, torch.Generator().manual_seed(0))
    for site in network.sites():
        network.fold(site.name, torch.arange(site.weights[0][0].numel()).view(site.shape).remainder(2).float())
    path = saved(tmp_path / "a.srn", field_of(spec, network.arrays(), volume().name))
    short = config_of("fvsrn", **{"training.passes": 2})
    begin = start(short, path)
    after = trained(short, begin).network
    for site in after.sites():
        assert (begin.arrays[site.name][:, ...].reshape(2, -1)[:, 0::2] == 0).all()
        grown = after.arrays()[site.name].reshape(2, -1)[:, 0::2]
        assert np.count_nonzero(grown) > 0.9 * grown.size


def test_a_file_of_several_arrays_gives_the_one_of_the_name_and_the_nearest_time(tmp_path: Path) -> None:
    fields = [
        fresh_field(seed=1, name="other", time=2.0),
        fresh_field(seed=2, time=1.0),
        fresh_field(seed=3, time=4.0),
    ]
    path = saved(tmp_path / "a.srn", *fields)
    config = config_of("fvsrn")

    def chosen(of: Volume) -> int:
        bias = start(config, path, of).arrays["layer0.weight"]
        return next(i for i, f in enumerate(fields) if np.array_equal(f.arrays["layer0.weight"].values(), bias))

    assert chosen(volume()) == 1
    assert chosen(replace(volume(), time=3.0)) == 2
    assert chosen(replace(volume(), time=2.4)) == 1
    assert chosen(replace(volume(), name="third", time=1.9)) == 0


def test_a_finer_volume_of_the_same_proportions_starts_from_a_coarser_one(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.srn", fresh_field())
    fine = volume(nx=48, ny=40, nz=32)
    found = start(config_of("fvsrn"), path, fine)
    assert found.spec.half_extent == fine.geometry.half_extent != fresh_field().spec.half_extent
    assert replace(found.spec, half_extent=fresh_field().spec.half_extent) == fresh_field().spec


@pytest.mark.parametrize("dims", [{"nx": 16}, {"nz": 1}, {"ny": 24}])
def test_other_proportions_are_refused(dims: dict[str, int], tmp_path: Path) -> None:
    path = saved(tmp_path / "a.srn", fresh_field())
    with pytest.raises(SrnInputError, match=r"proportions 1 x 0.826 x 0.652, but the volume has"):
        start(config_of("fvsrn"), path, volume(**dims))


def test_a_flat_axis_is_no_short_one(tmp_path: Path) -> None:
    flat = volume(nx=200, ny=200, nz=1)
    spec = replace(spec_of("neurcomp"), half_extent=(1.0, 1.0, 1 / 199))
    arrays = build_network(spec, torch.Generator().manual_seed(0)).arrays()
    field = replace(field_of(spec, arrays, "x"), geometry=replace(flat.geometry, dims=(200, 200, 2)))
    with pytest.raises(SrnInputError, match="proportions"):
        start(config_of("neurcomp"), saved(tmp_path / "a.srn", field), flat)


def test_another_network_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.srn", fresh_field("neurcomp"))
    with pytest.raises(SrnInputError, match="has the network 'neurcomp', not 'fvsrn'; set network=neurcomp"):
        start(config_of("fvsrn"), path)


def test_another_number_of_components_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.srn", fresh_field())
    vectors = Volume.from_array(np.stack([waves()] * 3, -1))
    with pytest.raises(SrnInputError, match="1 components, but the volume has 3"):
        start(config_of("fvsrn"), path, vectors)


def test_a_constant_field_is_refused(tmp_path: Path) -> None:
    spec = ConstantSpec(volume().geometry.half_extent, 1)
    path = saved(tmp_path / "a.srn", field_of(spec, {}, "flat"))
    with pytest.raises(SrnInputError, match="the field 'flat' in .* is constant"):
        start(config_of("fvsrn"), path)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SrnInputError, match="nowhere.srn"):
        start(config_of("fvsrn"), str(tmp_path / "nowhere.srn"))
    (tmp_path / "text.srn").write_text("not a neural file")
    with pytest.raises(SrnInputError, match="training.start: .*text.srn"):
        start(config_of("fvsrn"), str(tmp_path / "text.srn"))
