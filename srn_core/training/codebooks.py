"""Training what a quantised network can still learn: its codebooks and steps, the codes being fixed (thesis 2.3.1)."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Mapping, Optional

import numpy as np
import torch
from torch import Tensor

from srn_core.codec import StoredArray
from srn_core.networks.base import SceneNetwork
from srn_core.progress import Progress, ProgressCallback
from srn_core.training.decay import CosineDecay
from srn_core.training.probe import Probe
from srn_core.training.samplers import Sampler
from srn_core.training.trainer import REPORT_SECONDS, psnr_of

RATE = 0.05
"""First step size, in quantisation steps: a value then moves by a twentieth of the distance to its neighbour. On small
fields 0.005 had gained a half to three quarters of that after as many passes, k-means and uniform alike."""
FINAL_RATE = 0.02
"""Last step size, as a share of the first."""
PROBE = 16
"""Batches on which tuned and untuned are compared: about one pass over a small volume."""
NAME = "tuning codebooks"


def tune_codebooks(
    network: SceneNetwork,
    stored: Mapping[str, StoredArray],
    sampler: Sampler,
    passes: float,
    rate: float = RATE,
    progress: Optional[ProgressCallback] = None,
) -> dict[str, StoredArray]:
    """Train the codebook of each array, or its step where it is uniform, for some passes over the volume.

    The codes stay as they are, and so do zeros. ``stored`` holds every array of the network's spec; ``rate`` is Adam's
    first step size in quantisation steps. Returns the tuned arrays, or ``stored`` as it was where they are no better
    on a fixed set of batches; the network is left with the numbers returned. A callback that says stop ends the tuning
    early.
    """
    tensors = network.tensors()
    tables = {name: _Table(array, tensors[name].device) for name, array in stored.items()}
    shifts = [table.shift for table in tables.values()]
    optimiser = torch.optim.Adam(shifts, lr=rate)
    decay = CosineDecay(FINAL_RATE)
    probe = Probe(sampler, PROBE)
    steps = max(1, int(np.ceil(passes * sampler.truth.voxels / sampler.samples))) if passes > 0 else 0
    _use(network, stored)
    untuned = probe.error_of(network)
    started = reported = time.perf_counter()
    with sampler.prepared(network):
        for step in range(steps):
            optimiser.param_groups[0]["lr"] = rate * decay.share(step / steps, 0.0)
            network.zero_grad(set_to_none=True)
            with torch.no_grad():
                for name, table in tables.items():
                    tensors[name].copy_(table.values())
            error = sampler.draw().error(network)
            error.backward()
            for name, table in tables.items():
                table.take(tensors[name].grad)
            optimiser.step()
            now = time.perf_counter()
            if progress is not None and now - reported >= REPORT_SECONDS:
                reported, done = now, (step + 1) / steps
                left = (now - started) * (1.0 - done) / done
                mse = float(error.detach())
                if progress(Progress(NAME, done, mse, psnr_of(mse), left)) is False:
                    break
    network.zero_grad(set_to_none=True)
    tuned = {name: table.stored() for name, table in tables.items()}
    _use(network, tuned)
    if steps > 0 and probe.error_of(network) < untuned:
        return tuned
    _use(network, stored)
    return dict(stored)


class _Table:
    """The numbers that turn one array's codes into values, as a start and a shift in quantisation steps.

    With the gradient g of each value, that of a codebook's entry is the sum of g over the values that it stands for,
    that of a step the sum of g times the code.
    """

    def __init__(self, array: StoredArray, device: torch.device) -> None:
        self.array = array
        self.codes = torch.as_tensor(array.codes.astype(np.int64), device=device)
        book = array.codebook
        start = np.asarray([array.step] if book is None else book, np.float32)
        self.start = torch.as_tensor(start, device=device)
        # Adam moves every number by the rate: in units of a quantisation step one rate suits all arrays.
        if book is None:
            unit = float(start[0]) / max(1.0, float(np.abs(array.codes).max(initial=0)))
        else:
            unit = (float(book.max()) - float(book.min())) / max(1, book.size - 1)
        self.unit = torch.full_like(self.start, unit)
        if book is not None:
            self.unit[self.start == 0.0] = 0.0  # what was pruned, or never grew, stays exactly zero
        self.shift = torch.nn.Parameter(torch.zeros_like(self.start))

    def numbers(self) -> Tensor:
        """Codebook or step (1), float32."""
        return self.start + self.unit * self.shift.detach()

    def values(self) -> Tensor:
        """The array."""
        numbers = self.numbers()
        return self.codes * numbers if self.array.codebook is None else numbers[self.codes]

    def take(self, gradient: Optional[Tensor]) -> None:
        """Turn the gradient of the array into that of the shift."""
        if gradient is None:
            self.shift.grad = None
        elif self.array.codebook is None:
            self.shift.grad = (gradient * self.codes).sum().reshape(1) * self.unit
        else:
            sums = torch.zeros_like(self.start).index_add_(0, self.codes.reshape(-1), gradient.reshape(-1))
            self.shift.grad = sums * self.unit

    def stored(self) -> StoredArray:
        """The array with what was learnt."""
        numbers = self.numbers().cpu().numpy()
        if self.array.codebook is None:
            # A step of nothing or less is none that a file could hold.
            return replace(self.array, step=float(numbers[0])) if numbers[0] > 0 else self.array
        return replace(self.array, codebook=numbers)


def _use(network: SceneNetwork, stored: Mapping[str, StoredArray]) -> None:
    """Give a network the numbers of stored arrays."""
    network.load_arrays({name: array.values() for name, array in stored.items()})
