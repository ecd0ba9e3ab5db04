"""The search for settings: nobody tunes by hand (thesis 2.5, chapter 5).

A search runs many short compressions of one volume with settings from ranges (:mod:`ranges`), chosen by a generator
(:mod:`generators`), in processes of their own (:mod:`workers`), writes each result down at once (:mod:`journal`) and
ends in a front of the best trade-offs, ready to be used (:mod:`outputs`). :mod:`report` reads what governs the front,
:mod:`predictors` keeps it.
"""

from __future__ import annotations

from srn_core.search.request import SearchRequest, Source
from srn_core.search.run import search
from srn_core.search.runner import SearchResult

__all__ = ["SearchRequest", "SearchResult", "Source", "search"]
