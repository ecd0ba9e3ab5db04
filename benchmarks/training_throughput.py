"""Training samples per second of fv-SRN, everything included: ours beside the plain way, in one run.

    python benchmarks/training_throughput.py [--seconds 6] [--rounds 3] [--out benchmarks/training_throughput.csv]

The network is the same on all sides: 32 wide, 4 layers, 16 features on 16^3 in Haar wavelets of 3
levels, Smallify switches; the batch is 32,768 samples of a 128^3 volume.

* plain: a DataLoader over index positions, trilinear gather of the truth, the whole inverse wavelet
  transform (grouped transposed convolutions) and grid_sample each step, layers and activation as
  PyTorch writes them, Adam. It shares no code with the product.
* ours: the product's own training loop with its default sampler.
* ours-random: the product's loop with independent random positions, as the thesis samples.
* predictor, predictor-compiled: forward and backward of the predictor alone on ready inputs, eager
  and by torch.compile where a compiler is found: what the plain way could at best become.

Contenders take turns, so that a drift of the machine's speed meets all of them; the median over the
rounds is reported.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import platform
import statistics
import time
from pathlib import Path
from typing import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from srn_core.config import SmallifyConfig
from srn_core.networks import FvSrn
from srn_core.networks.snake import snake_alt
from srn_core.progress import Progress
from srn_core.pruners import Smallify
from srn_core.spec import FvSrnSpec
from srn_core.training.phases import Phase
from srn_core.training.samplers import SAMPLERS
from srn_core.training.sizing import wavelet_spec
from srn_core.training.trainer import Limits, Trainer
from srn_core.training.truth import Truth, truth_of
from srn_core.volume import Volume

BATCH = 32768
EDGE = 128
POSITIONS_PER_ITEM = 16
Contender = Callable[[float], float]


def spec() -> FvSrnSpec:
    return FvSrnSpec((1.0, 1.0, 1.0), 1, (32,) * 4, 4, 16, (16, 16, 16), wavelet_spec("haar", 3))


def volume() -> Volume:
    axis = np.linspace(-1, 1, EDGE)
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    return Volume.from_array((np.sin(9 * x * y) + np.cos(7 * z + 3 * x)).astype(np.float32))


def fresh(device: torch.device) -> tuple[FvSrn, Smallify]:
    generator = torch.Generator().manual_seed(0)
    return FvSrn(spec(), generator).to(device), Smallify(SmallifyConfig())


class Positions(Dataset[Tensor]):
    """Index positions drawn at random, some per item, as the networks' first public code has it."""

    def __len__(self) -> int:
        return EDGE**3 // POSITIONS_PER_ITEM

    def __getitem__(self, item: int) -> Tensor:
        return torch.rand(POSITIONS_PER_ITEM, 3) * (EDGE - 1)


def trilinear(values: Tensor, where: Tensor) -> Tensor:
    """Values (N,) of a (z, y, x) volume at index positions (N, 3)."""
    low = where.floor().long().clamp(max=EDGE - 2)
    share = where - low
    out = torch.zeros(len(where), device=values.device)
    for corner in range(8):
        bits = torch.tensor([(corner >> a) & 1 for a in range(3)], device=values.device)
        x, y, z = (low + bits).unbind(1)
        out += values[z, y, x] * torch.where(bits.bool(), share, 1 - share).prod(1)
    return out


class PlainNetwork(nn.Module):
    """The same network written down without a thought for speed, sharing no code with the product's."""

    def __init__(self) -> None:
        super().__init__()
        shapes = [(16, 1, 2, 2, 2), (16, 7, 2, 2, 2), (16, 7, 4, 4, 4), (16, 7, 8, 8, 8)]
        self.coefficients = nn.ParameterList([nn.Parameter(0.01 * torch.randn(shape)) for shape in shapes])
        self.switches = nn.ParameterList([nn.Parameter(torch.randn(shape[1:])) for shape in shapes])
        for name, first in (("mean", 1.0), ("variance", 0.0)):
            for i, shape in enumerate(shapes):
                self.register_buffer(f"{name}{i}", torch.full(shape[1:], first))
        widths = [3 + 6 * 4 + 16, 32, 32, 32, 32, 1]
        self.layers = nn.ModuleList([nn.Linear(a, b) for a, b in zip(widths, widths[1:])])
        signs = torch.tensor([[1.0, 1.0], [1.0, -1.0]]) / 2**0.5
        haar = torch.einsum("az,by,cx->abczyx", signs, signs, signs).reshape(8, 1, 2, 2, 2)
        self.register_buffer("haar", haar.repeat(16, 1, 1, 1, 1))

    def grid(self) -> Tensor:
        """The whole inverse Haar transform: (16, 16, 16, 16)."""
        grid = self.coefficients[0] * self.switches[0]
        for coefficient, switch in zip(self.coefficients[1:], self.switches[1:]):
            bands = torch.cat([grid, coefficient * switch], 1)
            fine = nn.functional.conv_transpose3d(bands.flatten(0, 1)[None], self.haar, stride=2, groups=16)
            grid = fine[0][:, None]
        return grid[:, 0]

    def forward(self, points: Tensor) -> Tensor:
        where = points[None, None, None]
        latent = nn.functional.grid_sample(self.grid()[None], where, padding_mode="border", align_corners=True)
        parts = [points]
        for octave in range(4):
            parts += [torch.sin(2**octave * math.pi * points), torch.cos(2**octave * math.pi * points)]
        x = torch.cat([*parts, latent[0, :, 0, 0].t()], 1)
        for layer in self.layers[:-1]:
            x = layer(x)
            x = 0.5 * x + torch.sin(x) ** 2
        return self.layers[-1](x)[:, 0]

    def pruning_loss(self) -> Tensor:
        """Smallify's terms (thesis 2.12)."""
        loss = sum(1e-8 * switch.abs().sum() for switch in self.switches)
        return loss + sum(1e-8 * (c**2).sum() for c in self.coefficients)

    @torch.no_grad()
    def track_signs(self) -> None:
        """Moving mean and variance of the switches' signs (thesis 4.1)."""
        for i, switch in enumerate(self.switches):
            mean, variance = getattr(self, f"mean{i}"), getattr(self, f"variance{i}")
            delta = torch.sign(switch) - mean
            mean += 0.02 * delta
            variance.copy_(0.98 * (variance + 0.02 * delta * delta))


def plain(device: torch.device) -> Contender:
    """The plain way."""
    network = PlainNetwork().to(device)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    values = truth_of(volume(), None, ((-2.0, 2.0),), device).values.reshape(EDGE, EDGE, EDGE)
    loader = DataLoader(Positions(), batch_size=BATCH // POSITIONS_PER_ITEM, shuffle=True, drop_last=True)

    def run(seconds: float) -> float:
        samples, begin = 0, time.perf_counter()
        while True:
            for items in loader:
                where = items.reshape(-1, 3).to(device)
                target = trilinear(values, where)
                prediction = network(where / (EDGE - 1) * 2 - 1)
                loss = nn.functional.mse_loss(prediction, target) + network.pruning_loss()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                network.track_signs()
                samples += BATCH
                if time.perf_counter() - begin > seconds:
                    _finish(device)
                    return samples / (time.perf_counter() - begin)

    return run


def ours(device: torch.device, sampler: str) -> Contender:
    """The product's loop, with progress reports and history as a user gets them."""

    def run(seconds: float) -> float:
        network, pruner = fresh(device)
        generator = torch.Generator().manual_seed(0)
        truth: Truth = truth_of(volume(), None, ((-2.0, 2.0),), device)
        trainer = Trainer(
            network, pruner, SAMPLERS[sampler](truth, BATCH, generator), 1e-3, generator, progress=_ignore
        )
        outcome = trainer.run([Phase("pruning", 1.0, 1.0, 0.1, True)], Limits(seconds=seconds))
        _finish(device)
        return outcome.passes * truth.voxels / outcome.seconds

    return run


def predictor(device: torch.device, compiled: bool) -> Contender:
    """Forward and backward of the predictor alone."""
    network, _ = fresh(device)
    inputs = torch.randn(BATCH, spec().inputs, device=device, requires_grad=True)

    def forward(x: Tensor) -> Tensor:
        for layer in network.dense[:-1]:
            x = snake_alt(layer(x))
        return network.dense[-1](x)

    function = torch.compile(forward) if compiled else forward

    def run(seconds: float) -> float:
        samples, begin = 0, time.perf_counter()
        while time.perf_counter() - begin < seconds:
            network.zero_grad()
            function(inputs).square().mean().backward()
            samples += BATCH
        _finish(device)
        return samples / (time.perf_counter() - begin)

    return run


def _ignore(report: Progress) -> bool:
    return True


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each turn")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".csv"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    contenders: dict[str, Contender] = {
        "plain": plain(device),
        "ours": ours(device, "lattice"),
        "ours-random": ours(device, "random"),
        "predictor": predictor(device, False),
    }
    try:
        compiled = predictor(device, True)
        compiled(0.1)
        contenders["predictor-compiled"] = compiled
    except Exception as error:  # no compiler here: most users have none
        print(f"predictor-compiled left out: {type(error).__name__}")
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for run in contenders.values():
        run(1.0)
    for _ in range(options.rounds):
        for name, run in contenders.items():
            rates[name].append(run(options.seconds) / 1e6)
    base = statistics.median(rates["plain"])
    name = torch.cuda.get_device_name() if device.type == "cuda" else platform.machine()
    with options.out.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(
            ["contender", "msamples_per_s", "lowest", "highest", "times_plain", "device", "threads", "torch"]
        )
        for contender, values in rates.items():
            median = statistics.median(values)
            row = [contender, f"{median:.3f}", f"{min(values):.3f}", f"{max(values):.3f}", f"{median / base:.2f}"]
            table.writerow([*row, f"{device.type} ({name})", options.threads, torch.__version__])
            print(f"{contender:20s} {median:7.3f} Msample/s   {median / base:6.2f} x plain")


if __name__ == "__main__":
    main()
