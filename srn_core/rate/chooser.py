"""Which integer stands for a coefficient: the one with the least error plus price in bits.

D + lambda R, decided coefficient by coefficient while coding, when the probabilities are known: a coefficient whose
bits cost more than they buy becomes smaller, or zero. This is the pruning in "rate".
"""

from __future__ import annotations

import numpy as np

from srn_core.codec.adaptive import Adaptive
from srn_core.codec.context_network import sign_contexts
from srn_core.codec.pyramid_blocks import blocks_of, counts, has_blocks, spread
from srn_core.codec.pyramid_coder import Models
from srn_core.codec.pyramid_tokens import EXTRA, LARGEST_CODE, token_of

PRICE = 0.1  # as in srn_core.config.RateConfig
"""lambda in squared steps per bit. High-rate theory says 2 ln 2 / 12 = 0.116; where most are zero, more pays."""
BLOCK_BITS, LONE_BITS = 4.0, 7.0
"""What a block and each of its coefficients cost, about, where their surroundings are empty."""
SURELY_ZERO = 0.5


class RateChooser:
    """See :class:`srn_core.codec.pyramid_coder.Chooser`; ``price`` is lambda in squared steps per bit."""

    def __init__(self, price: float = PRICE) -> None:
        self.price = price

    def blocks(self, wanted: np.ndarray) -> np.ndarray:
        """Zero what no block is worth."""
        nearest = np.rint(wanted)
        if not has_blocks(wanted.shape):
            return wanted
        some = nearest != 0
        gain = np.where(some, wanted * wanted - np.square(wanted - nearest), 0.0)
        worth = gain - self.price * LONE_BITS * some
        kept = counts(np.maximum(worth, 0.0)) > self.price * BLOCK_BITS
        kept &= blocks_of(some)
        return np.where(spread(kept, wanted.shape), wanted, np.float32(0.0))

    def codes(
        self, wanted: np.ndarray, models: Models, zero: np.ndarray, size: np.ndarray, expected: np.ndarray
    ) -> np.ndarray:
        """The cheapest of the nearest integer, the next smaller one, and zero."""
        out = np.zeros(wanted.size, np.int32)
        places = np.flatnonzero(np.abs(wanted) > SURELY_ZERO)
        if not places.size:
            return out
        exact = np.abs(wanted[places].astype(np.float64))
        zeros, sizes, signs = (_bits(m) for m in (models.zeros, models.sizes, models.signs))
        nearest = np.minimum(np.rint(exact), LARGEST_CODE).astype(np.int64)
        odd = (wanted[places] < 0) != (expected[places] < 0)
        some = zeros[zero[places], 1] + signs[sign_contexts(expected[places]), odd.astype(np.int64)]
        context = size[places]

        def cost(magnitude: np.ndarray) -> np.ndarray:
            tokens = token_of(np.maximum(magnitude, 1))
            bits = some + sizes[context, tokens] + EXTRA[tokens]
            return np.square(exact - magnitude) + self.price * bits

        best, least = nearest.copy(), cost(nearest)
        least[nearest == 0] = np.inf
        lower = nearest - 1
        price = np.where(lower > 0, cost(lower), np.inf)
        better = price < least
        best[better], least[better] = lower[better], price[better]
        best[np.square(exact) + self.price * zeros[zero[places], 0] < least] = 0
        out[places] = np.where(wanted[places] < 0, -best, best)
        return out


def _bits(model: Adaptive) -> np.ndarray:
    """(contexts, alphabet) bits of each symbol, as things stand."""
    tables = model.tables().astype(np.float64)
    return -np.log2(tables / tables.sum(axis=1, keepdims=True))
