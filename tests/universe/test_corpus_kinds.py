"""Kinds, versions and the patterns of both, against the cases of the corpus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hyperverse_core.universe.kind_defs.kind_def import resolve
from hyperverse_core.universe.kind_defs.standard_kinds import STANDARD_KINDS
from hyperverse_core.universe.kinds.kind import Kind
from hyperverse_core.universe.kinds.kind_selector import KindSelector
from hyperverse_core.universe.kinds.specific import Specific, SpecificSelector
from hyperverse_core.universe.text.version import Version, VersionReq
from universe.corpus import cases, cases_of, settle
from universe.test_corpus_points import attempt

_TEXTS: dict[str, Callable[[str], Any]] = {
    "versions": Version.parse,
    "version_reqs": VersionReq.parse,
    "specifics": Specific.parse,
    "specific_selectors": SpecificSelector.parse,
}


@pytest.mark.parametrize(("file", "case"), cases_of(*_TEXTS))
def test_a_version_or_specific_is_read_and_printed_as_the_corpus_says(file: str, case: dict[str, Any]) -> None:
    found = attempt(_TEXTS[file], case["input"])
    settle(file, case, (found is not None) == case["valid"], found)
    if "to_string" in case:
        assert str(found) == case["to_string"]


@pytest.mark.parametrize("case", cases("kinds"))
def test_a_kind_is_read_and_resolved_as_the_corpus_says(case: dict[str, Any]) -> None:
    kind = attempt(Kind.parse, case["input"])
    settle("kinds", case, (kind is not None) == case["valid"], kind)
    if "resolves" in case:
        found = attempt(lambda _: resolve(kind, STANDARD_KINDS), case["input"])
        assert (found is not None) == case["resolves"]
    if case.get("resolves"):
        known = STANDARD_KINDS[kind.base]
        assert [str(layer) for layer in known.plan.layers] == case["plan"]
        assert known.eager == case["auto_provision"]


@pytest.mark.parametrize("case", cases("kind_selectors"))
def test_a_kind_selector_is_read_as_the_corpus_says(case: dict[str, Any]) -> None:
    found = attempt(KindSelector.parse, case["input"])
    settle("kind_selectors", case, (found is not None) == case["valid"], found)


@pytest.mark.parametrize("case", cases("kind_matches"))
def test_a_kind_selector_matches_as_the_corpus_says(case: dict[str, Any]) -> None:
    matches = KindSelector.parse(case["selector"]).matches(Kind.parse(case["kind"]))
    settle("kind_matches", case, matches == case["matches"])
