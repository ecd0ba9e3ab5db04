"""The network that is trained and the decoder that is shipped are the same function."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from reference_networks import numbers_of, random_field, wavelet_spec

from onnx_export.decoder import Decoder
from srn_core.networks import Lattice, build_network
from srn_core.pyramid import pyramid_of
from srn_core.spec import FvSrnSpec, NetworkSpec, NeurcompSpec

BOX = (0.75, 1.0, 0.5)
SPECS: dict[str, NetworkSpec] = {
    "fvsrn bior4.4": FvSrnSpec(BOX, 2, (24, 32, 16), 4, 8, (11, 12, 9), wavelet_spec("bior4.4", 2)),
    "fvsrn spatial": FvSrnSpec(BOX, 1, (16, 16), 6, 3, (4, 7, 6), None),
    "fvsrn flat": FvSrnSpec((1.0, 0.8, 0.0), 1, (16, 16), 2, 4, (1, 9, 8), wavelet_spec("db2", 1)),
    "fvsrn skip, filter": FvSrnSpec(BOX, 2, (16,), 2, 2, (9, 12, 10), wavelet_spec("db2", 1), True, (5,)),
    "latents": FvSrnSpec(BOX, 1, (), 0, 1, (11, 21, 16), pyramid_of("bior6.8", [("zyx", 3)]), True),
    "latents, filter": FvSrnSpec(
        BOX, 2, (), 0, 2, (9, 12, 10), pyramid_of("bior4.4", [("z", 2), ("yx", 3)]), True, (4, 4)
    ),
    "neurcomp residual": NeurcompSpec(BOX, 2, 24, (20, 24, 12), True, 30.0),
    "neurcomp plain": NeurcompSpec(BOX, 1, 24, (16, 20), False, 30.0),
}


@pytest.mark.parametrize("name", SPECS)
def test_decoder_equals_the_trained_network(name: str) -> None:
    spec = SPECS[name]
    field = random_field(spec, seed=4)
    network = build_network(spec)
    network.load_arrays(numbers_of(field))
    decoder = Decoder(field, providers="cpu", threads=1)
    axes = [np.linspace(-h, h, n).astype(np.float32) for h, n in zip(spec.half_extent, (9, 8, 7))]
    points = np.random.default_rng(0).uniform(-1, 1, (300, 3)).astype(np.float32) * np.array(spec.half_extent, "f4")
    with torch.no_grad():
        at_points = network(torch.from_numpy(points)).numpy()
        on_lattice = network.on_lattice(Lattice(*(torch.from_numpy(a) for a in axes))).numpy()
    grid = decoder.grid(*axes)
    assert np.ptp(grid) > 0.1
    tolerance = 1e-5 * 2  # of the range: normalised values span [-1, 1]
    np.testing.assert_allclose(decoder.points(points), at_points, rtol=0, atol=tolerance)
    np.testing.assert_allclose(grid.reshape(on_lattice.shape), on_lattice, rtol=0, atol=tolerance)
