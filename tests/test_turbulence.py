"""The demo's data are physics, not noise: checks of the turbulence run against its equations."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

SIZE = 32


def load_example(name: str):
    """The module examples/NAME.py; examples are scripts and no package."""
    path = Path(__file__).parents[1] / "examples" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"examples_{name}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


turbulence = load_example("turbulence")


@pytest.fixture(scope="module")
def finished():
    """(velocity spectrum, box, kinetic energy after each step) of a small run."""
    energies: list[float] = []
    u, box = turbulence.simulate(turbulence.Run(size=SIZE), lambda share, energy: energies.append(energy))
    return u, box, energies


def test_transforms_are_each_others_inverse():
    box = turbulence.PeriodicBox(SIZE)
    field = np.random.default_rng(1).standard_normal((2, SIZE, SIZE, SIZE)).astype(np.float32)
    np.testing.assert_allclose(box.field(box.spectrum(field)), field, atol=1e-5)


def test_curl_and_divergence_against_a_known_flow():
    box = turbulence.PeriodicBox(SIZE)
    axis = 2 * np.pi * np.arange(SIZE) / SIZE
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    spectrum = box.spectrum(np.stack([np.sin(2 * y), np.cos(x) * np.sin(z), np.sin(x)]).astype(np.float32))
    curl = np.stack([-np.cos(x) * np.cos(z), -np.cos(x), -np.sin(x) * np.sin(z) - 2 * np.cos(2 * y)])
    np.testing.assert_allclose(box.field(box.curl(spectrum)), curl, atol=1e-5)
    np.testing.assert_allclose(box.field(box.divergence(spectrum)), np.zeros_like(x), atol=1e-5)


def test_taylor_green_vortex_decays_as_the_exact_solution():
    # In two dimensions its advection is all gradient, so that u(t) = u(0) exp(-2 nu t) to rounding.
    box = turbulence.PeriodicBox(SIZE)
    axis = 2 * np.pi * np.arange(SIZE) / SIZE
    _, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    velocity = np.stack([np.cos(x) * np.sin(y), -np.sin(x) * np.cos(y), np.zeros_like(x)]).astype(np.float32)
    run = turbulence.Run(size=SIZE, viscosity=0.1, duration=0.5)
    end, box = turbulence.simulate(run, begin=box.spectrum(velocity))
    np.testing.assert_allclose(box.field(end), velocity * np.exp(-2 * 0.1 * 0.5), atol=1e-5)
    pressure = -(np.cos(2 * x) + np.cos(2 * y)) / 4
    np.testing.assert_allclose(turbulence.scalar(box.spectrum(velocity), box, "pressure"), pressure, atol=1e-5)


def test_velocity_stays_divergence_free(finished):
    u, box, _ = finished
    divergence, gradients = box.field(box.divergence(u)), box.field(box.curl(u))
    assert np.abs(divergence).max() < 1e-5 * np.abs(gradients).max()


def test_energy_decays_and_is_never_made(finished):
    _, _, energies = finished
    assert energies[0] == pytest.approx(1.5, rel=0.1)
    assert np.all(np.diff(energies) < 0)
    assert energies[-1] < 0.9 * energies[0]


def test_energy_moves_to_small_eddies(finished):
    u, box, _ = finished
    run = turbulence.Run(size=SIZE)
    after, shells = box.shells(u), np.arange(SIZE // 3)
    viscous = box.shells(turbulence.start(run, box)) * np.exp(-2 * run.nu() * shells**2 * run.duration)
    assert after[8:].sum() > 20 * viscous[8:].sum()  # without advection there would be this little
    slope = np.polyfit(np.log(shells[4:]), np.log(after[4:]), 1)[0]
    assert slope < -5 / 3


@pytest.mark.parametrize("name", turbulence.FIELDS)
def test_fields_are_finite_and_single_precision(finished, name):
    u, box, _ = finished
    values = turbulence.scalar(u, box, name)
    assert values.shape == (SIZE,) * 3 and values.dtype == np.float32
    assert np.isfinite(values).all() and values.std() > 0.1


def test_seed_fixes_the_field():
    first, again, other = (
        turbulence.scalar(*turbulence.simulate(turbulence.Run(size=16, seed=seed, duration=0.2)), "pressure")
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


def test_unknown_field_is_named(finished):
    u, box, _ = finished
    with pytest.raises(SystemExit, match="unknown field 'heat'; known: pressure"):
        turbulence.scalar(u, box, "heat")
