"""Learn the context model of the codec and write it as srn_core/codec/context_model.npz.

    python tools/context_model/learn.py [VOLUME ...] --out context_model.npz

The model is part of the file format: a model that is in use is never changed, a better one gets a number of its own.
"""

from __future__ import annotations

import argparse
from typing import Any, Iterator

import numpy as np
import torch
from corpus import made, of_files
from torch.nn import functional

from srn_core.codec.context_network import (
    HIDDEN,
    LARGEST_WEIGHT,
    SIGN_BINS,
    SIZE_BINS,
    ZERO_BINS,
    ContextModel,
    contexts,
    sign_contexts,
)
from srn_core.codec.pyramid_contexts import (
    CONSTANTS,
    FEATURES,
    PARITIES,
    SIGN_CLASSES,
    SIGN_UNIT,
    Surroundings,
    _around,
    _sign_class,
    lattice,
    nothing_known,
    remember,
)
from srn_core.codec.pyramid_relations import relations
from srn_core.codec.pyramid_tokens import TOKENS, token_of
from srn_core.pyramid import analyse, pyramid_of

KEPT = 25_000
"""Coefficients that are kept of each quantised volume."""
CONFIDENCE = 60.0
"""Symbols that a prior counts for; SEEN units each."""


def quantised(
    values: np.ndarray, random: np.random.Generator
) -> Iterator[tuple[np.ndarray, tuple[tuple[str, int], ...]]]:
    """(codes, groups) of a volume at several rates, filters and shapes of the pyramid."""
    values = (values - values.min()) / (values.max() - values.min()) * 2 - 1
    thin = values.shape[0] < 32
    shapes = [(("z", 2), ("yx", 5)), (("z", 3), ("yx", 4))] if thin else [(("zyx", 4),)]
    for groups in shapes:
        for name in ("bior4.4", "bior6.8"):
            coefficients = analyse(values, pyramid_of(name, groups))
            for step in 2.0 ** random.uniform(-8.5, -1.5, 3):
                zone = random.uniform(0.55, 0.68)
                yield (
                    (np.sign(coefficients) * np.floor(np.abs(coefficients) / step + 1 - zone)).astype(np.int32),
                    groups,
                )


def passes(codes: np.ndarray, groups: Any, signs: np.ndarray) -> Iterator[tuple[Any, ...]]:
    """(features, constants, expected, class sums, high-pass axes, parity, codes) of every pass."""
    magnitudes: list[np.ndarray] = []
    for relation in relations(codes.shape, groups):
        band = codes[relation.band.slices]
        surroundings, known = Surroundings(relation, magnitudes), nothing_known(relation.shape)
        for number, parity in enumerate(PARITIES):
            part = band[lattice(parity)]
            if part.size:
                told = surroundings.of(known, number, signs, None)
                sums, _ = _around(known.signed, parity, part.shape, far=False)
                classes = np.zeros((part.size, SIGN_CLASSES), np.float32)
                for offset, data in sums.items():
                    classes[:, _sign_class(offset, relation.band.high)] += data.ravel()
                yield (
                    told.features.T, surroundings.constants(known, number), told.expected, classes, relation.highs,
                    number, part.ravel(),
                )  # fmt: skip
            remember(known, parity, part)
        magnitudes.append(np.minimum(np.abs(band), 255).astype(np.uint8))


def learn_signs(data: list[Any]) -> np.ndarray:
    """(4, 8, SIGN_CLASSES) int64."""
    found = np.zeros((4, 8, SIGN_CLASSES), np.int64)
    sums: dict[tuple[int, int], list[Any]] = {}
    for codes, groups in data:
        for _, _, _, classes, highs, parity, values in passes(codes, groups, found):
            some = np.flatnonzero(values)[:6000]
            sums.setdefault((highs, parity), []).append((classes[some], values[some] > 0))
    for key, parts in sums.items():
        x = torch.from_numpy(np.concatenate([p[0] for p in parts]))
        y = torch.from_numpy(np.concatenate([p[1] for p in parts]).astype(np.float32))
        found[key] = np.round(SIGN_UNIT * logistic(x, y)).astype(np.int64)
        print("signs", key, len(y), found[key])
    return found


def logistic(x: torch.Tensor, y: torch.Tensor) -> np.ndarray:
    """Weights of a logistic regression of y (n,) on x (n, classes), without a constant."""
    weights = torch.zeros(x.shape[1], requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=60, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        value = functional.binary_cross_entropy_with_logits(x @ weights, y) + 1e-4 * weights.square().sum()
        value.backward()
        return value

    optimiser.step(loss)
    return np.asarray(weights.detach().numpy())


class Net(torch.nn.Module):
    """The context network in floating point."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(FEATURES + CONSTANTS, HIDDEN)
        self.second = torch.nn.Linear(HIDDEN, HIDDEN)
        self.last = torch.nn.Linear(HIDDEN, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features and constants (n, ...) -> (n, 2) logits: of zero, of small."""
        x = functional.relu(self.first(x)).clamp(max=31.9)
        return self.last(functional.relu(self.second(x)).clamp(max=31.9))


def bits(out: torch.Tensor, magnitude: torch.Tensor) -> torch.Tensor:
    """Nats of magnitudes: zero by the first number's logit, the rest geometric by the second's."""
    some = (magnitude > 0).float()
    a, b = out[:, 0], out[:, 1]
    rest = (magnitude - 1) * functional.softplus(-b) + functional.softplus(b)
    return functional.softplus(a) - a * (1 - some) + some * rest


def learn_network(x: np.ndarray, m: np.ndarray, w: np.ndarray, steps: int) -> dict[str, np.ndarray]:
    """The network's integers from features (n, ...), magnitudes (n,) and weights (n,)."""
    torch.manual_seed(0)
    net = Net()
    optimiser = torch.optim.Adam(net.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    xs, ms, ws = torch.from_numpy(x), torch.from_numpy(np.minimum(m, 200).astype(np.float32)), torch.from_numpy(w)
    mean = 0.0
    for step in range(steps):
        rows = torch.randint(0, len(ms), (12288,))
        loss = (bits(net(xs[rows].float() / 16), ms[rows]) * ws[rows]).sum() / ws[rows].sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        mean += 0.01 * (float(loss) - mean)
        if step % 1000 == 0:
            print("network", step, round(mean / np.log(2), 4), flush=True)
    limit = LARGEST_WEIGHT

    def whole(values: torch.Tensor, unit: float) -> np.ndarray:
        return np.round(values.detach().numpy() * unit).astype(np.int64)

    return {
        "first": np.clip(whole(net.first.weight.t(), 64), -limit, limit),
        "first_bias": whole(net.first.bias, 1024),
        "second": np.clip(whole(net.second.weight.t(), 64), -limit, limit),
        "second_bias": whole(net.second.bias, 2048),
        "last": np.clip(whole(net.last.weight.t(), 64), -limit, limit),
        "last_bias": whole(net.last.bias, 2048),
    }


def prior(counts: np.ndarray) -> np.ndarray:
    """Weights of a first probability: as many symbols as CONFIDENCE, each possible."""
    share = (counts + 0.02) / (counts + 0.02).sum(axis=1, keepdims=True)
    return np.maximum(1, np.round(CONFIDENCE * 32 * share)).astype(np.int64)


def main() -> None:
    """Learn and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("volumes", nargs="*")
    parser.add_argument("--out", default="srn_core/codec/context_model.npz")
    parser.add_argument("--steps", type=int, default=8000)
    options = parser.parse_args()
    random = np.random.default_rng(1)
    data = []
    for source in (made(), of_files(options.volumes)):
        for name, values in source:
            data += list(quantised(values, random))
            print(name, values.shape, [int(np.count_nonzero(c)) for c, _ in data[-6:]], flush=True)
    signs = learn_signs(data)
    xs, ms, ws, es, vs = [], [], [], [], []
    for codes, groups in data:
        rows = [(np.concatenate([f, np.broadcast_to(c.astype(np.uint8), (len(f), CONSTANTS))], 1), e, v)
                for f, c, e, _, _, _, v in passes(codes, groups, signs)]  # fmt: skip
        x, e, v = (np.concatenate([row[i] for row in rows]) for i in range(3))
        quiet = (x[:, :FEATURES].sum(axis=1) == 0) & (v == 0)
        chance = np.where(quiet, 0.02, 1.0)
        chance *= min(1.0, KEPT / chance.sum())
        taken = np.flatnonzero(random.random(len(v)) < chance)
        # Each quantised volume counts alike for every coefficient that is not quiet, whatever its rate.
        xs.append(x[taken]), ms.append(np.abs(v[taken])), es.append(e[taken]), vs.append(v[taken])
        ws.append((1 / chance[taken] * min(1.0, KEPT / chance.sum())).astype(np.float32))
    x, m, w, e, v = (np.concatenate(part) for part in (xs, ms, ws, es, vs))
    print("coefficients", len(m), "not zero", int((m > 0).sum()))
    network = learn_network(x, m, w, options.steps)
    empty = ContextModel(**network, signs=signs, zero_prior=signs, size_prior=signs, sign_prior=signs)
    zeros, sizes = np.zeros((ZERO_BINS, 2)), np.zeros((SIZE_BINS, TOKENS))
    # Constants differ from row to row here: they go along with what varies.
    zero, size = contexts(empty, np.ascontiguousarray(x.T), np.zeros(0, np.int64))
    some = m > 0
    np.add.at(zeros, (zero, some.astype(int)), w)
    np.add.at(sizes, (size[some], token_of(m[some])), w[some])
    agree = np.zeros((SIGN_BINS, 2))
    some = v != 0
    np.add.at(agree, (sign_contexts(e[some]), ((v[some] < 0) != (e[some] < 0)).astype(int)), 1)
    print(np.round(zeros[:, 0] / zeros.sum(1), 3), np.round(agree[:, 1] / agree.sum(1), 3))
    arrays = dict(network, signs=signs, zero_prior=prior(zeros), size_prior=prior(sizes), sign_prior=prior(agree))
    np.savez_compressed(options.out, **{k: a.astype(np.int32) for k, a in arrays.items()})


if __name__ == "__main__":
    main()
