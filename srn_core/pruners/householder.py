"""Products of Householder reflections, by which the noise of a site's entries is correlated."""

from __future__ import annotations

import torch
from torch import Tensor


class Reflections:
    """Q = H_r ... H_1 with H_k = I - 2 v_k v_k^T / |v_k|^2, in compact form Q = I - A U^T (Bischof & Van Loan 1987).

    vectors: (r, n), none of them zero. Q is orthogonal whatever they are; applying it costs O(n r).
    """

    def __init__(self, vectors: Tensor) -> None:
        self.units = vectors / vectors.norm(dim=1, keepdim=True)
        overlap = self.units @ self.units.t()
        # Q = I - U^T S U; one more reflection u adds to S the row (-2 (u U^T) S, 2) and a column of zeros.
        rows: list[Tensor] = []
        count = len(vectors)
        for k in range(count):
            own = torch.zeros_like(overlap[0])
            own[k] = 2.0
            rows.append(own - 2.0 * (overlap[k, :k] @ torch.stack(rows)) if k else own)
        self.factors = self.units.t() @ torch.stack(rows)

    def apply(self, noise: Tensor) -> Tensor:
        """Q e for every row e of (..., n)."""
        return noise - (noise @ self.units.t()) @ self.factors.t()

    def variances(self, independent: Tensor) -> Tensor:
        """Diagonal of Q D Q^T: each entry's variance once independent noise of variances (n,) is reflected."""
        core = (self.units * independent) @ self.units.t()
        crossed = (self.factors * self.units.t()).sum(1)
        return independent * (1.0 - 2.0 * crossed) + ((self.factors @ core) * self.factors).sum(1)
