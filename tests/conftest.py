"""What every test shares: few threads under pytest-xdist, and property tests that do not depend on the clock."""

from __future__ import annotations

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # one thread per worker; must be set before NumPy and torch are imported
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")

# Not the predictor of whoever runs the tests.
os.environ["SRN_PREDICTOR"] = "shipped"

import hypothesis

hypothesis.settings.register_profile("steady", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("steady")
