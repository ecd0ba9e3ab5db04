"""What pruners ask for an entry that stays, where the settings leave it open."""

from __future__ import annotations

import math

SMALLEST, LARGEST = 1e-3, 0.2
AT_RATIO_10 = 0.01
"""Root mean square error to be expected at ratio 10, in values of [-1, 1]: half a percent of the range."""
PRICE = {"fvsrn": 240.0, "neurcomp": 20.0}
"""What all open switches cost together, in expected squared errors; found by trial on turbulent pressure, 128^3."""


def expected_error(ratio: float) -> float:
    """The root mean square error, in values of [-1, 1], that is to be expected at a compression ratio.

    It grows with the root of the ratio: 0.5 % of the range at 10, 1.6 % at 100, 5 % at 1000.
    """
    return min(max(AT_RATIO_10 * math.sqrt(max(ratio, 1.0) / 10.0), SMALLEST), LARGEST)


def entry_price(network: str, ratio: float) -> float:
    """Weight of the L1 norm of a network's switches, times their number.

    One entry of K, left out, changes the mean squared error by about its share of the field's power,
    1 / K: so prices go by 1 / K, and by the error that is to be expected at the wanted ratio. The
    thesis' regressions of the weights (Figs 5.6, 5.17) carry the number of voxels and the step counts
    of its own runs in them (about 5e-10 for fv-SRN's lambda_beta at ratio 100): here they prune next to nothing.
    """
    return PRICE[network] * expected_error(ratio) ** 2
