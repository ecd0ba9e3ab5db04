"""What is known of a volume before anything is tried (thesis 5.3): sizes, settings and methods from earlier searches.

:mod:`statistics` looks at a volume, :mod:`sparsity` at its wavelet coefficients, :mod:`size_model` tells how many bytes
they take at a step, :mod:`rules` which settings suit a ratio, :mod:`predictor` holds all that with the runs that it was
fitted to. ``shipped.json`` is the product's own; a user's own searches can take its place (``srn search-fit``).
"""
