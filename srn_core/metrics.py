"""How far a decoded field is from the original: PSNR, RMSE, maximum error, SSIM. NumPy only.

Arrays are (z, y, x[, component]). Everything is computed in float64, block by block, so that the
memory needed beside the two arrays stays at some tens of megabytes whatever their size.

Only valid voxels count: those of the mask, or, without one, those where the original is finite in
every component. The range is that of the original over all valid voxels and components. A constant
original has no range: its PSNR is infinite when the decoded field is exact and minus infinity when
it is not, its SSIM 1 or 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import Iterator, Optional, Sequence

import numpy as np

from srn_core.errors import SrnInputError

SSIM_WINDOW = 7
"""Edge of the cubic SSIM window in voxels, less on axes that are shorter."""
SSIM_K1 = 0.01
SSIM_K2 = 0.03
BLOCK = 64
"""Edge in voxels of the blocks worked on at once along z and y; rows along x are taken in four times that."""

Block = "tuple[slice, slice, slice]"


@dataclass(frozen=True)
class Measured:
    """The same four figures, under the same names, as a neural file's quality."""

    psnr: float
    """20 log10(max - min) - 10 log10(MSE) in dB; infinity for an exact result."""
    rmse: float
    max_error: float
    """Largest absolute difference."""
    ssim: float
    """Mean structural similarity (Wang et al. 2004), uniform 7^3 window; mean over components."""


@dataclass(frozen=True)
class _Errors:
    low: float
    high: float
    mse: float
    max_error: float

    @property
    def span(self) -> float:
        return self.high - self.low

    @property
    def psnr(self) -> float:
        if self.mse == 0.0:
            return math.inf
        if self.span == 0.0:
            return -math.inf
        if math.isnan(self.mse):
            return math.nan
        return 20.0 * math.log10(self.span) - 10.0 * math.log10(self.mse)


def measure(
    original: np.ndarray, decoded: np.ndarray, valid: Optional[np.ndarray] = None, span: Optional[float] = None
) -> Measured:
    """All four figures of ``decoded`` against ``original``, both (z, y, x[, c]).

    ``valid`` is (z, y, x) of bool; ``span``: the range of a whole of which these are a part, for its PSNR, and without
    SSIM (NaN). Raises SrnInputError where the shapes differ or no voxel is valid.
    """
    original, decoded, valid = _checked(original, decoded, valid)
    errors = _errors(original, decoded, valid)
    if span is not None:
        ranged = _Errors(0.0, span, errors.mse, errors.max_error)
        return Measured(ranged.psnr, math.sqrt(errors.mse), errors.max_error, math.nan)
    return Measured(
        psnr=errors.psnr,
        rmse=math.sqrt(errors.mse),
        max_error=errors.max_error,
        ssim=_ssim(original, decoded, valid, errors),
    )


def psnr(original: np.ndarray, decoded: np.ndarray, valid: Optional[np.ndarray] = None) -> float:
    """Full-range peak signal-to-noise ratio in dB; see :class:`Measured`."""
    return _errors(*_checked(original, decoded, valid)).psnr


def rmse(original: np.ndarray, decoded: np.ndarray, valid: Optional[np.ndarray] = None) -> float:
    """Root of the mean squared error, in the field's units."""
    return math.sqrt(_errors(*_checked(original, decoded, valid)).mse)


def max_error(original: np.ndarray, decoded: np.ndarray, valid: Optional[np.ndarray] = None) -> float:
    """Largest absolute error, in the field's units."""
    return _errors(*_checked(original, decoded, valid)).max_error


def ssim(original: np.ndarray, decoded: np.ndarray, valid: Optional[np.ndarray] = None) -> float:
    """Mean structural similarity with sample covariances, as scikit-image computes it by default.

    Statistics of a window are taken over its valid voxels, and only windows that lie wholly inside
    the volume and are centred on a valid voxel count.
    """
    original, decoded, valid = _checked(original, decoded, valid)
    return _ssim(original, decoded, valid, _errors(original, decoded, valid))


def _checked(
    original: np.ndarray, decoded: np.ndarray, valid: Optional[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, Optional[np.ndarray]]:
    """Both as (z, y, x, c), and the mask, or None where all voxels are valid."""
    original, decoded = np.asarray(original), np.asarray(decoded)
    if original.shape != decoded.shape:
        raise SrnInputError(
            f"the two fields have different shapes, {original.shape} and {decoded.shape}; "
            "only fields on the same grid can be compared"
        )
    if original.ndim not in (3, 4) or original.size == 0:
        raise SrnInputError(f"a field has (z, y, x) or (z, y, x, component) values, not shape {original.shape}")
    if original.ndim == 3:
        original, decoded = original[..., None], decoded[..., None]
    if valid is not None:
        valid = np.asarray(valid, bool)
        if valid.shape != original.shape[:3]:
            raise SrnInputError(f"the mask has shape {valid.shape}, the field {original.shape[:3]}")
    elif original.dtype.kind == "f":
        valid = np.empty(original.shape[:3], bool)
        for block in _blocks(original.shape):
            valid[block] = np.isfinite(original[block]).all(axis=3)
    if valid is not None:
        if not valid.any():
            raise SrnInputError("no voxel of the original is valid (all are NaN or masked): nothing to measure")
        if valid.all():
            valid = None
    return original, decoded, valid


def _blocks(shape: Sequence[int]) -> Iterator[tuple[slice, slice, slice]]:
    edges = (BLOCK, BLOCK, 4 * BLOCK)
    for corner in product(*(range(0, n, edge) for n, edge in zip(shape, edges))):
        z, y, x = (slice(a, min(a + edge, n)) for a, edge, n in zip(corner, edges, shape))
        yield z, y, x


def _errors(original: np.ndarray, decoded: np.ndarray, valid: Optional[np.ndarray]) -> _Errors:
    """Range, mean squared and largest error over valid voxels."""
    low, high, total, largest, count = math.inf, -math.inf, 0.0, 0.0, 0
    for block in _blocks(original.shape):
        before = original[block] if valid is None else original[block][valid[block]]
        after = decoded[block] if valid is None else decoded[block][valid[block]]
        if before.size == 0:
            continue
        before = before.astype(np.float64).ravel()
        low, high = min(low, float(before.min())), max(high, float(before.max()))
        difference = after.astype(np.float64).ravel() - before
        total += float(difference @ difference)
        # np.maximum, unlike max, keeps a NaN that the decoder put where there is a value.
        largest = float(np.maximum(largest, np.abs(difference).max()))
        count += before.size
    return _Errors(low, high, total / count, largest)


def _ssim(original: np.ndarray, decoded: np.ndarray, valid: Optional[np.ndarray], errors: _Errors) -> float:
    if errors.span == 0.0 or errors.mse == 0.0:
        return 1.0 if errors.mse == 0.0 else 0.0
    if math.isnan(errors.mse):
        return math.nan
    total, count = ssim_sum(original, decoded, valid, errors.low, errors.span)
    return total / count if count else math.nan


def ssim_sum(
    original: np.ndarray, decoded: np.ndarray, valid: Optional[np.ndarray], low: float, span: float
) -> tuple[float, float]:
    """The sum of the similarities of all windows wholly inside (z, y, x, c), and how many these are.

    ``low``, ``span``: least value and range of the original, or of a whole of which it is a part.
    """
    shape = original.shape[:3]
    window = [min(SSIM_WINDOW, n - 1 + n % 2) for n in shape]
    half = [w // 2 for w in window]
    inner = [n - 2 * h for n, h in zip(shape, half)]
    total, count = 0.0, 0.0
    for block in _blocks(inner):
        # Centres of this block lie half a window further in; its windows reach as far again.
        z, y, x = (slice(b.start, b.stop + 2 * h) for b, h in zip(block, half))
        mask = None
        if valid is not None:
            mask = valid[z, y, x].astype(np.float64)
        centres = None
        if valid is not None:
            cz, cy, cx = (slice(b.start + h, b.stop + h) for b, h in zip(block, half))
            centres = valid[cz, cy, cx]
            if not centres.any():
                continue
        for component in range(original.shape[3]):
            before = (original[z, y, x, component].astype(np.float64) - low) / span
            after = (decoded[z, y, x, component].astype(np.float64) - low) / span
            similarity = _similarity(before, after, mask, window, low / span)
            picked = similarity if centres is None else similarity[centres]
            total += float(picked.sum())
            count += picked.size
    return total, count


def _similarity(
    before: np.ndarray, after: np.ndarray, mask: Optional[np.ndarray], window: Sequence[int], offset: float
) -> np.ndarray:
    """SSIM of every window wholly inside two (z, y, x) blocks.

    Values are in units of the range and ``offset`` below the true ones: a large mean would
    otherwise drown the variances in rounding.
    """
    if mask is None:
        samples: np.ndarray | float = float(np.prod(window))
    else:
        samples = np.maximum(_box(mask, window), 1.0)
        before, after = np.where(mask > 0, before, 0.0), np.where(mask > 0, after, 0.0)
    mean_b, mean_a = _box(before, window) / samples, _box(after, window) / samples
    unbiased = samples / np.maximum(samples - 1.0, 1.0)
    var_b = unbiased * (_box(before * before, window) / samples - mean_b * mean_b)
    var_a = unbiased * (_box(after * after, window) / samples - mean_a * mean_a)
    cov = unbiased * (_box(before * after, window) / samples - mean_b * mean_a)
    mean_b, mean_a = mean_b + offset, mean_a + offset
    c1, c2 = SSIM_K1**2, SSIM_K2**2
    above = (2.0 * mean_b * mean_a + c1) * (2.0 * cov + c2)
    below = (mean_b * mean_b + mean_a * mean_a + c1) * (var_b + var_a + c2)
    return np.asarray(above / below)


def _box(values: np.ndarray, window: Sequence[int]) -> np.ndarray:
    """Sums over all windows that lie wholly inside, by running sums along one axis after the other."""
    for axis, width in enumerate(window):
        if width == 1:
            continue
        running = np.cumsum(values, axis=axis)
        rows = values.shape[axis] - width + 1
        sums = np.take(running, range(width - 1, width - 1 + rows), axis=axis)
        behind = [slice(None)] * 3
        behind[axis] = slice(0, rows - 1)
        ahead = [slice(None)] * 3
        ahead[axis] = slice(1, None)
        sums[tuple(ahead)] -= running[tuple(behind)]
        values = sums
    return values
