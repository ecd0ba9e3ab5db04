from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from srn_core.progress import Progress
from srn_core.training.bricks import Bricks, brick_shape, tiles
from srn_core.training.flat_convolution import FlatConvolutions
from srn_core.training.grid_filter import FilterOutcome, channels_for, train_filter
from srn_core.training.rotated_adam import RotatedAdam


def waves(shape: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    """A smooth field within about [-1, 1]."""
    rng = np.random.default_rng(seed)
    axes = np.meshgrid(*[np.arange(n) / 8 for n in shape], indexing="ij")
    field = sum(np.sin(sum(k * a for k, a in zip(rng.normal(size=3), axes)) + rng.uniform(0, 6)) for _ in range(4))
    return np.asarray(field / 4, np.float32)


def coarse(values: np.ndarray, step: float = 0.2) -> np.ndarray:
    return (np.round(values / step) * step).astype(np.float32)


def filtered(values: np.ndarray, outcome: FilterOutcome) -> np.ndarray:
    """What a decoder makes of (features, z, y, x), by torch's own convolutions."""
    layers = len(outcome.arrays) // 2
    rows = torch.from_numpy(np.pad(values, ((0, 0), *((layers, layers),) * 3), mode="edge"))
    for index in range(layers):
        weight, bias = (torch.from_numpy(outcome.arrays[f"filter{index}.{name}"]) for name in ("weight", "bias"))
        rows = F.conv3d(torch.tanh(rows) if index else rows, weight, bias)
    return values + rows.numpy()


def gain_of(decoded: np.ndarray, truth: np.ndarray, outcome: FilterOutcome, weight: object = True) -> float:
    keep = np.broadcast_to(weight, decoded.shape)  # type: ignore[call-overload]
    before, after = ((v - truth)[keep].astype(np.float64) for v in (decoded, filtered(decoded, outcome)))
    return float(10 * math.log10((before**2).sum() / (after**2).sum()))


@pytest.mark.parametrize("widths", [(1, 6, 1), (2, 3, 5, 2), (3, 2, 3)])
def test_flat_convolutions_are_those_of_torch_and_so_are_their_gradients(widths: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(1)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    pairs = list(zip(widths, widths[1:]))
    weights = [random(out, given, 27).requires_grad_() for given, out in pairs]
    biases = [random(out).requires_grad_() for _, out in pairs]
    brick = random(widths[0], 9, 7, 8)
    expected = brick
    for index, (weight, bias) in enumerate(zip(weights, biases)):
        kernel = weight.reshape(*weight.shape[:2], 3, 3, 3)
        expected = F.conv3d(torch.tanh(expected) if index else expected, kernel, bias)
    network = FlatConvolutions([w.detach() for w in weights], [b.detach() for b in biases])
    found = network(brick)
    assert torch.allclose(found, expected, atol=1e-10)
    error = random(*found.shape)
    (expected * error).sum().backward()
    by_weight, by_bias = network.gradients(error)
    for gradient, parameter in zip([*by_weight, *by_bias], [*weights, *biases]):
        assert parameter.grad is not None
        assert torch.allclose(gradient, parameter.grad, atol=1e-9)


def left_of_valleys(seed: int) -> tuple[float, float]:
    """How far above the bottom of a narrow, turned valley rotated Adam and plain Adam are after 300 steps."""
    generator = torch.Generator().manual_seed(seed)
    turn = torch.linalg.qr(torch.randn(12, 12, generator=generator))[0]
    curvature = turn @ torch.diag(torch.logspace(0, -4, 12)) @ turn.T
    target = torch.randn(3, 12, generator=generator)

    def left(values: torch.Tensor) -> float:
        return float(((values - target) @ curvature * (values - target)).sum())

    rotated, plain = torch.zeros(3, 12), torch.zeros(3, 12, requires_grad=True)
    optimiser = RotatedAdam([rotated])
    adam = torch.optim.Adam([plain], betas=(0.9, 0.99))
    for step in range(300):
        rate = 0.05 * (1 - step / 300)
        optimiser.step([2 * (rotated - target) @ curvature], rate)
        plain.grad = 2 * (plain.detach() - target) @ curvature
        adam.param_groups[0]["lr"] = rate
        adam.step()
    begin = left(torch.zeros(3, 12))
    assert left(rotated) < 0.1 * begin and left(plain.detach()) < 0.1 * begin
    return left(rotated), left(plain.detach())


def test_rotated_adam_goes_down_narrow_valleys_that_adam_crawls_along() -> None:
    """Not in each, but by far on the whole; which turns are drawn depends on the machine's linear algebra."""
    gains = [math.log(plain / rotated) for rotated, plain in map(left_of_valleys, range(8))]
    assert np.mean(gains) > math.log(3)


def test_bricks_and_tiles_fit_any_shape() -> None:
    assert brick_shape((128, 128, 128), 24**3) == (24, 24, 24)
    assert brick_shape((1, 500, 500), 24**3) == (1, 117, 118)
    assert brick_shape((5, 7, 3), 24**3) == (5, 7, 3)
    shape = (9, 4, 7)
    seen = np.zeros(shape, int)
    for tile in tiles(shape, (4, 4, 3)):
        seen[tile] += 1
    assert (seen == 1).all()
    values = waves(shape)[None]
    bricks = Bricks(values, values, None, 2, torch.device("cpu"))
    rng = np.random.default_rng(0)
    drawn = np.zeros(shape, int)
    for _ in range(3000):
        drawn[bricks.drawn((3, 4, 2), rng)] += 1
    # Evenly drawn starts would give the corners a quarter of the mean.
    assert drawn.min() > 0.45 * drawn.mean()


@pytest.mark.parametrize("channels", [(6,), (4, 4)])
def test_the_filter_wins_what_it_says(channels: tuple[int, ...]) -> None:
    truth = waves((30, 26, 33))[None]
    decoded = coarse(truth)
    outcome = train_filter(decoded, truth, None, channels, passes=30)
    assert outcome.gain_db > 1
    assert outcome.gain_db == pytest.approx(gain_of(decoded, truth, outcome), abs=0.01)
    assert outcome.passes == pytest.approx(30, rel=0.05)
    assert not outcome.stopped_early
    widths = (1, *channels, 1)
    for index, (given, out) in enumerate(zip(widths, widths[1:])):
        assert outcome.arrays[f"filter{index}.weight"].shape == (out, given, 3, 3, 3)
        assert outcome.arrays[f"filter{index}.bias"].shape == (out,)
    assert {a.dtype for a in outcome.arrays.values()} == {np.dtype(np.float32)}


def test_weights_are_whole_steps_of_8_bits_and_the_first_kernels_sum_to_zero() -> None:
    truth = waves((20, 20, 20))[None]
    outcome = train_filter(coarse(truth), truth, None, (4,), passes=20)
    for name, array in outcome.arrays.items():
        codes = array / (np.abs(array).max() / 127)
        assert np.abs(codes - np.round(codes)).max() < 1e-3, name
    first = outcome.arrays["filter0.weight"]
    codes = np.round(first / (np.abs(first).max() / 127))
    assert np.abs(codes).max() == 127
    assert (codes.sum((2, 3, 4)) == 0).all()


def test_a_high_level_costs_nothing() -> None:
    truth = waves((20, 20, 20))[None]
    low = train_filter(coarse(truth), truth, None, (4,), passes=20)
    high = train_filter(coarse(truth) + 16, truth + 16, None, (4,), passes=20)
    assert high.gain_db == pytest.approx(low.gain_db, abs=0.4)
    assert low.gain_db > 5


def test_voxels_that_do_not_count_teach_nothing() -> None:
    truth = waves((20, 22, 24))[None]
    decoded = coarse(truth)
    weight = np.zeros(truth.shape[1:], bool)
    weight[:, :, :12] = True
    false = np.where(weight, truth, 50).astype(np.float32)
    outcome = train_filter(decoded, false, weight, (4,), passes=20)
    assert outcome.gain_db > 0.5
    assert outcome.gain_db == pytest.approx(gain_of(decoded, truth, outcome, weight), abs=0.01)
    assert train_filter(decoded, false, np.zeros_like(weight), (4,), passes=2).gain_db == 0


def test_several_features_share_one_filter() -> None:
    truth = np.stack([waves((18, 18, 18), seed) for seed in (0, 1)])
    decoded = coarse(truth)
    outcome = train_filter(decoded, truth, None, (6,), passes=20)
    assert outcome.arrays["filter0.weight"].shape == (6, 2, 3, 3, 3)
    assert outcome.gain_db > 0.5
    assert outcome.gain_db == pytest.approx(gain_of(decoded, truth, outcome), abs=0.01)


@pytest.mark.parametrize("shape", [(1, 60, 50), (1, 1, 300), (3, 1, 40), (1, 1, 1)])
def test_thin_volumes(shape: tuple[int, int, int]) -> None:
    truth = waves(shape)[None] + np.float32(0.03)
    decoded = coarse(truth)
    outcome = train_filter(decoded, truth, None, (4,), passes=20)
    assert outcome.gain_db == pytest.approx(max(0.0, gain_of(decoded, truth, outcome)), abs=0.05)
    assert outcome.gain_db > 0


def test_what_cannot_be_learnt_is_never_made_worse() -> None:
    truth = waves((16, 16, 16))[None]
    noisy = truth + np.random.default_rng(3).normal(size=truth.shape).astype(np.float32)
    assert train_filter(truth, noisy, None, (4,), passes=3).gain_db >= 0
    same = train_filter(truth, truth, None, (4,), passes=3)
    assert same.gain_db == 0
    assert not same.arrays["filter1.weight"].any()


def test_same_seed_same_filter() -> None:
    truth = waves((16, 18, 30))[None]
    first, again = (train_filter(coarse(truth), truth, None, (4,), passes=10, seed=5) for _ in range(2))
    other = train_filter(coarse(truth), truth, None, (4,), passes=10, seed=6)
    for name, array in first.arrays.items():
        assert np.array_equal(array, again.arrays[name]), name
    assert not np.array_equal(first.arrays["filter0.weight"], other.arrays["filter0.weight"])


def test_progress_may_stop_it_and_the_best_filter_is_kept() -> None:
    truth = waves((24, 24, 24))[None]
    reports: list[Progress] = []

    def stop_after_five(report: Progress) -> bool:
        reports.append(report)
        return len(reports) < 5

    outcome = train_filter(coarse(truth), truth, None, (6,), passes=1e6, progress=stop_after_five)
    assert outcome.stopped_early
    assert 5 <= len(reports) <= 8
    assert all(0 <= report.fraction <= 1 for report in reports)
    assert outcome.gain_db == pytest.approx(max(0.0, gain_of(coarse(truth), truth, outcome)), abs=0.01)


def test_seconds_are_kept() -> None:
    truth = waves((40, 40, 40))[None]
    outcome = train_filter(coarse(truth), truth, None, (4,), seconds=0.5)
    assert 0.2 < outcome.seconds < 2
    assert outcome.gain_db > 0


def test_bad_calls_are_refused() -> None:
    values = waves((4, 5, 6))[None]
    with pytest.raises(ValueError, match="passes or seconds"):
        train_filter(values, values, None, (4,))
    with pytest.raises(ValueError, match="passes or seconds"):
        train_filter(values, values, None, (4,), passes=0)
    with pytest.raises(ValueError, match="one shape"):
        train_filter(values, values[:, 1:], None, (4,), passes=1)
    with pytest.raises(ValueError, match="one shape"):
        train_filter(values, values, np.ones((4, 5, 5), bool), (4,), passes=1)
    with pytest.raises(ValueError, match="hidden channels"):
        train_filter(values, values, None, (), passes=1)


def test_larger_files_take_wider_filters() -> None:
    assert channels_for(2_000) == ()
    widths = [sum(channels_for(size)) for size in (2_000, 5_000, 12_000, 50_000, 500_000)]
    assert widths == sorted(set(widths))
    for size in (5_000, 12_000, 50_000, 500_000):
        assert 55 * sum(channels_for(size)) < 0.06 * size
