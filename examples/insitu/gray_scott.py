"""A simulation that keeps neural files only: the reaction and diffusion of two substances (Gray and Scott), in 3D.

    srn pvbatch examples/insitu/gray_scott.py run/ --size 64 --steps 2000 --every 500 --psnr 50
    srn paraview run/step_..srn

    du/dt = 0.16 laplace(u) - u v^2 + f (1 - u),   dv/dt = 0.08 laplace(v) + u v^2 - (f + k) v

The loop knows nothing of ParaView: it gives v to the adaptor after each step.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Optional

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from adaptor import Adaptor, image

FEED, KILL = 0.035, 0.060
"""f and k: spots that divide."""
STEP = 0.8
"""Time of one step; the largest stable one is about 1."""


def start(size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """u and v, (size, size, size) of float32: all u, with some v in a cube in the middle, and a little noise."""
    u = np.ones((size,) * 3, np.float32)
    v = np.zeros_like(u)
    middle = (slice(size // 2 - size // 8, size // 2 + size // 8 + 1),) * 3
    u[middle], v[middle] = 0.5, 0.25
    v += 0.02 * np.random.default_rng(seed).random(v.shape, dtype=np.float32)
    return u, v


def laplace(field: np.ndarray) -> np.ndarray:
    """Of a periodic field whose samples are 1 apart."""
    total = -6 * field
    for axis in range(3):
        total += np.roll(field, 1, axis) + np.roll(field, -1, axis)
    return total


def advance(u: np.ndarray, v: np.ndarray) -> None:
    """One step, in place."""
    reaction = u * v * v
    du = 0.16 * laplace(u) - reaction + FEED * (1 - u)
    dv = 0.08 * laplace(v) + reaction - (FEED + KILL) * v
    u += np.float32(STEP) * du
    v += np.float32(STEP) * dv


def main(arguments: Optional[list[str]] = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="gray_scott.py", description="A simulation that keeps neural files only.")
    parser.add_argument("out", type=Path, help="folder for the .srn files")
    parser.add_argument("--size", type=int, default=64, help="samples along each edge (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--every", type=int, default=500, help="steps between two files (default: %(default)s)")
    parser.add_argument("--psnr", type=float, default=50.0, help="of each file, in dB (default: %(default)g)")
    parser.add_argument("--preset", default="fast", choices=("fast", "balanced", "best"))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    if options.size < 8 or options.steps < 1 or options.every < 1:
        parser.error("--size must be at least 8, --steps and --every at least 1")

    adaptor = Adaptor(options.out, options.every, options.psnr, options.preset)
    adaptor.initialize()
    u, v = start(options.size, options.seed)
    for step in range(1, options.steps + 1):
        advance(u, v)
        written = adaptor.coprocess(step, step * STEP, image(v, "v", 1.0))
        if written is not None:
            print(f"step {step}: {written.name}, {written.stat().st_size} bytes of {v.nbytes}", flush=True)
    adaptor.finalize()
    if adaptor.bytes_out:
        print(f"{adaptor.bytes_in / adaptor.bytes_out:.1f} : 1 over the run", flush=True)


if __name__ == "__main__":
    main()
