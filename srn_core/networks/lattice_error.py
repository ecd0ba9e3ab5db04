"""The mean squared error of fv-SRN on a lattice and all its gradients, block by block, on a CPU.

A training step that walks layer by layer over its whole batch moves tens of megabytes to and from
memory, and on many systems pays for fresh pages at every layer. Here each block of positions goes
all the way forward and back while its numbers are still in the cache, each thread keeps its memory
from step to step, and the threads meet only at the end. SnakeAlt's constants are folded into the
weights as in :mod:`srn_core.networks.snake`; sines and cosines come from :mod:`srn_core.networks.sine_cosine`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Iterator, Optional, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from srn_core.networks.sine_cosine import kernel_for

BLOCK = 8192
"""Positions that go through together, about: their activations fit the cache of a core."""


@dataclass(frozen=True)
class Problem:
    """One step, prepared for the threads: everything they read."""

    planes: Tensor
    """(gz, Y, X, features): the latent grid interpolated along x and y."""
    matrix_z: Tensor
    """(Z, gz): interpolation along z."""
    table_zy: Tensor
    """(Z, Y, width): what z and y add to the doubled pre-activation of the first layer."""
    table_x: Tensor
    """(X, width), likewise."""
    latent_weight: Tensor
    """(width, features), doubled."""
    weights: Sequence[Tensor]
    """Of the following layers, with SnakeAlt's factor folded in."""
    biases: Sequence[Tensor]
    """Likewise."""
    latent_weight_t: Tensor
    """Transposed, as weights_t are."""
    weights_t: Sequence[Tensor]
    target: Tensor
    """(Z, Y, X, components)."""
    weight: Optional[Tensor]
    """(Z, Y, X, 1), 1 where there is truth; None: everywhere."""
    scale: float
    """Factor of the squared errors' sum: 1 / (number of values that count)."""


class Desk:
    """Memory for one shape of block, with all the views of it that a step needs.

    The views are made once: every call into torch lets go of Python's lock and must get it back, so
    that threads stand in each other's way in small calls, not in large ones.
    """

    def __init__(self, p: Problem, nz: int, ny: int) -> None:
        gz, _, nx, features = p.planes.shape
        rows = nz * ny * nx
        like = p.planes
        self.latent = like.new_empty(rows, features)
        self.latent_planes = self.latent.view(nz, -1)
        sizes = [p.table_x.shape[1]] + [len(w) for w in p.weights]
        self.doubled = [like.new_empty(rows, n) for n in sizes]
        self.activated = [like.new_empty(rows, n) for n in sizes[:-1]]
        self.first = self.doubled[0].view(nz, ny, nx, sizes[0])
        self.first_gradient = self.activated[0].view(nz, ny, nx, sizes[0])
        self.first_gradient_flat = self.activated[0].view(nz * ny, nx, sizes[0])
        self.out = self.doubled[-1].view(nz, ny, nx, sizes[-1])
        self.out_flat = self.doubled[-1].view(-1)
        # The gradient of layer i's output takes the place of its activations.
        self.gradients = [*self.activated[1:], self.doubled[-1]]
        self.gradients_t = [g.t() for g in self.gradients]
        self.first_t = self.activated[0].t()
        self.doubled_arrays = [v.numpy() for v in self.doubled]
        self.activated_arrays = [h.numpy() for h in self.activated]
        # Leaves the sine, which the way back needs, where its argument was.
        self.kernel = kernel_for(self.doubled_arrays[0].dtype)
        self.planes = like.new_empty(gz, ny * nx * features)
        self.planes_shaped = self.planes.view(gz, ny, nx, features)


class Worker:
    """One thread's memory and sums."""

    def __init__(self) -> None:
        self._desks: dict[tuple[Any, ...], Desk] = {}
        self.planes = torch.empty(0)

    def _desk(self, p: Problem, nz: int, ny: int) -> Desk:
        key = (nz, ny, p.planes.shape, p.planes.dtype, p.table_x.shape[1], *(len(w) for w in p.weights))
        if key not in self._desks:
            self._desks[key] = Desk(p, nz, ny)
        return self._desks[key]

    def run(self, p: Problem, blocks: Sequence[tuple[slice, slice]]) -> None:
        """Forward, error and backward of some blocks; the sums are this call's."""
        self.squares = torch.zeros((), dtype=p.planes.dtype)
        self.planes = kept_memory(self.planes, p.planes, p.planes.shape).zero_()
        self.zy = torch.zeros_like(p.table_zy)
        self.x = torch.zeros_like(p.table_x)
        self.latent_weight = torch.zeros_like(p.latent_weight)
        self.weights = [torch.zeros_like(w) for w in p.weights]
        self.biases = [torch.zeros_like(b) for b in p.biases]
        # A diverging run is the trainer's to notice.
        with torch.no_grad(), np.errstate(invalid="ignore"):
            for z, y in blocks:
                self._block(p, z, y)

    def _block(self, p: Problem, z: slice, y: slice) -> None:
        matrix, zy = p.matrix_z[z], p.table_zy[z, y]
        d = self._desk(p, *zy.shape[:2])
        d.planes_shaped.copy_(p.planes[:, y])
        torch.mm(matrix, d.planes, out=d.latent_planes)
        torch.add(zy[:, :, None], p.table_x, out=d.first)
        d.doubled[0].addmm_(d.latent, p.latent_weight_t)
        for i, (w_t, b) in enumerate(zip(p.weights_t, p.biases)):
            d.kernel(d.doubled_arrays[i], d.activated_arrays[i])
            torch.addmm(b, d.activated[i], w_t, out=d.doubled[i + 1])
        d.out.sub_(p.target[z, y])
        if p.weight is not None:
            d.out.mul_(p.weight[z, y])
        self.squares += torch.dot(d.out_flat, d.out_flat)

        d.out_flat.mul_(2.0 * p.scale)
        for i in range(len(p.weights) - 1, -1, -1):
            g, sine, h = d.gradients[i], d.doubled[i], d.activated[i]
            self.weights[i].addmm_(d.gradients_t[i], h)
            self.biases[i].add_(g.sum(0))
            torch.mm(g, p.weights[i], out=h)
            h.addcmul_(h, sine, value=2.0)
        self.latent_weight.addmm_(d.first_t, d.latent)
        self.zy[z, y] += d.first_gradient.sum(2)
        self.x += d.first_gradient_flat.sum(0)
        torch.mm(d.activated[0], p.latent_weight, out=d.latent)
        torch.mm(matrix.t(), d.latent_planes, out=d.planes)
        self.planes[:, y] += d.planes_shaped


def kept_memory(last: Tensor, like: Tensor, shape: Sequence[int]) -> Tensor:
    """``last`` if it has the shape and dtype that are needed, else a new tensor: fresh memory is slow memory."""
    return last if last.shape == shape and last.dtype == like.dtype else like.new_empty(shape)


class Team:
    """Threads that share the blocks of a step. The same number of threads gives the same result each time."""

    def __init__(self) -> None:
        self._pool: Optional[ThreadPoolExecutor] = None
        self._workers: list[Worker] = []
        self._threads: Optional[int] = None
        self._planes = torch.empty(0)

    def planes(self, matrices: tuple[Tensor, Tensor, Tensor], grid: Tensor) -> Tensor:
        """The latent grid interpolated along x and y: (gz, Y, X, features); this team's memory, until the next call."""
        mx, my, _ = matrices
        features, gz, gy, _ = grid.shape
        rows = torch.matmul(mx, grid.permute(1, 2, 3, 0)).view(gz, gy, -1)
        self._planes = kept_memory(self._planes, grid, (gz, len(my), rows.shape[2]))
        torch.bmm(my.expand(gz, -1, -1), rows, out=self._planes)
        return self._planes.view(gz, len(my), len(mx), features)

    @contextmanager
    def in_charge(self) -> Iterator[None]:
        """While this lasts, torch's threads are the team's, and torch itself computes with one.

        Between its operations torch's own second thread would spin on the core that the team needs.
        """
        self._threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(self._threads)
            self._threads = None

    def solve(self, problem: Problem) -> Worker:
        """The sums over all blocks."""
        count = self._threads or torch.get_num_threads()
        if len(self._workers) != count:
            self._workers = [Worker() for _ in range(count)]
            # Each thread computes alone: torch's own threads would wait for each other at every operation.
            self._pool = (
                ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) if count > 1 else None
            )
        nz, ny = problem.table_zy.shape[:2]
        parts = blocks_of(nz, ny, len(problem.table_x), count)
        shares = [parts[i::count] for i in range(count)]
        if self._pool is None:
            self._workers[0].run(problem, shares[0])
        else:
            list(self._pool.map(Worker.run, self._workers, [problem] * count, shares))
        first, *others = self._workers
        for worker in others:
            for mine, theirs in zip(_sums(first), _sums(worker)):
                mine += theirs
        return first

    def __deepcopy__(self, memo: object) -> Team:
        return Team()


def blocks_of(nz: int, ny: int, nx: int, threads: int) -> list[tuple[slice, slice]]:
    """Ranges of z and y that cover a lattice in blocks of about BLOCK positions, at least one for each thread.

    All of z where it fits, so that each part of the planes that z is interpolated from is read by one block.
    """
    most = max(1, min(BLOCK, nz * ny * nx // threads))
    dz = min(nz, max(1, most // nx))
    dy = min(ny, max(1, most // (nx * nz))) if dz == nz else 1
    return [(slice(z, min(z + dz, nz)), slice(y, min(y + dy, ny))) for y in range(0, ny, dy) for z in range(0, nz, dz)]


def _sums(worker: Worker) -> list[Tensor]:
    return [
        worker.squares,
        worker.planes,
        worker.zy,
        worker.x,
        worker.latent_weight,
        *worker.weights,
        *worker.biases,
    ]


class LatticeError(torch.autograd.Function):
    """Mean squared error; the gradients are made on the way and given out by the backward pass.

    ``apply(team, matrices, target, weight, grid, table_x, table_y, table_z, latent_weight, w1, b1, ...)``

    matrices: interpolation along x, y, z, (X, gx), (Y, gy), (Z, gz). target: (Z Y X, components).
    weight: (Z Y X, 1) or None. grid: the spatial latent grid (features, gz, gy, gx). table_x, y, z:
    what each axis' coordinate adds to the first layer's pre-activation, (X, width) and so on, the
    bias being in one of them. latent_weight: the first layer's columns for the features, (width,
    features). w, b: the following layers.
    """

    @staticmethod
    def forward(
        ctx: Any,
        team: Team,
        matrices: tuple[Tensor, Tensor, Tensor],
        target: Tensor,
        weight: Optional[Tensor],
        grid: Tensor,
        table_x: Tensor,
        table_y: Tensor,
        table_z: Tensor,
        latent_weight: Tensor,
        *layers: Tensor,
    ) -> Tensor:
        mx, my, mz = matrices
        features, gz, gy, _ = grid.shape
        nx, ny, nz = len(mx), len(my), len(mz)
        weights, biases = layers[0::2], layers[1::2]
        # Every layer but the last gives the next one's input doubled.
        shares = [0.5] * (len(weights) - 1) + [0.25]
        of_bias = [2.0] * (len(weights) - 1) + [1.0]
        count = target.numel() if weight is None else float(weight.sum()) * target.shape[1]
        doubled, folded = latent_weight * 2.0, [w * s for w, s in zip(weights, shares)]
        problem = Problem(
            team.planes(matrices, grid),
            mz,
            torch.add(table_z[:, None], table_y).mul_(2.0),
            table_x * 2.0,
            doubled,
            folded,
            [b * o + w.sum(1) * (2.0 * s) for w, b, s, o in zip(weights, biases, shares, of_bias)],
            doubled.t(),
            [w.t() for w in folded],
            target.view(nz, ny, nx, -1),
            None if weight is None else weight.view(nz, ny, nx, 1),
            1.0 / max(count, 1.0),
        )
        sums = team.solve(problem)
        to_rows = torch.matmul(my.t(), sums.planes.view(gz, ny, -1)).view(gz, gy, nx, features)
        grads = [torch.matmul(mx.t(), to_rows).permute(3, 0, 1, 2)]
        grads += [sums.x * 2.0, sums.zy.sum(0) * 2.0, sums.zy.sum(1) * 2.0, sums.latent_weight * 2.0]
        for w, b, s, o in zip(sums.weights, sums.biases, shares, of_bias):
            grads += [w * s + (b * (2.0 * s))[:, None], b * o]
        ctx.save_for_backward(*grads)
        return (sums.squares * problem.scale).to(grid.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        return (None, None, None, None, *(g * grad for g in ctx.saved_tensors))
