"""Versions in order, and what requirements admit."""

from __future__ import annotations

import pytest

from hyperverse_core.errors import ParseError
from hyperverse_core.universe.text.version import Version, VersionReq


def test_versions_are_ordered_as_semantic_versioning_says() -> None:
    texts = ["1.0.0-2", "1.0.0-11", "1.0.0--", "1.0.0-a", "1.0.0-b", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0"]
    assert [str(version) for version in sorted(map(Version.parse, texts))] == texts


@pytest.mark.parametrize(
    ("requirement", "yes", "no"),
    [
        ("^1", "1.0.0 1.9.9", "2.0.0 0.9.0 1.0.0-a"),
        ("1.2.3", "1.2.3 1.3.0", "1.2.2 2.0.0"),
        ("^0.2.3", "0.2.3 0.2.9", "0.3.0 0.2.2"),
        ("^0.0.3", "0.0.3", "0.0.4 0.0.2"),
        ("^0.0", "0.0.9", "0.1.0"),
        ("^0", "0.0.0 0.9.0", "1.0.0"),
        ("~1", "1.9.0", "2.0.0"),
        ("~1.2", "1.2.9", "1.3.0 1.1.9"),
        ("~1.2.3", "1.2.3 1.2.9", "1.2.2 1.3.0"),
        ("=1", "1.0.0 1.5.0", "2.0.0"),
        ("=1.2", "1.2.7", "1.3.0"),
        (">1", "2.0.0", "1.0.0 1.9.9"),
        (">1.2", "1.3.0", "1.2.9"),
        (">=1", "1.0.0 2.0.0", "0.9.9"),
        ("<2", "1.9.9", "2.0.0 2.0.0-a"),
        ("<=1", "1.9.9 0.1.0", "2.0.0"),
        ("<=1.2", "1.2.9", "1.3.0"),
        ("1.*", "1.9.9", "2.0.0"),
        ("1.2.*", "1.2.9", "1.3.0"),
        (">=10.2.3 <12.3.0", "10.2.3 12.2.9", "12.3.0 10.2.2"),
        (">=1.0.0, <2", "1.5.0", "2.0.0"),
        (">= 1.0.0,<2", "1.5.0", "2.0.0"),
        (">=1.0.0-b", "1.0.0-b 1.0.0-c 1.0.0", "1.0.0-a 1.0.1-c"),
        ("=1.0.0-a", "1.0.0-a", "1.0.0 1.0.0-b"),
        ("^1.2.3-b", "1.2.3-c 1.2.3 1.9.0", "1.2.3-a 1.3.0-c"),
    ],
)
def test_a_requirement_admits_some_versions_and_refuses_others(requirement: str, yes: str, no: str) -> None:
    wanted = VersionReq.parse(requirement)
    assert [text for text in yes.split() if not wanted.matches_text(text)] == []
    assert [text for text in no.split() if wanted.matches_text(text)] == []


@pytest.mark.parametrize("text", ["", "*", "1.*.2", "^1.*", "1.0-a", ">=1.0.0,", "1 x", "01", "=>1", "1.0.0.0", "v1"])
def test_a_bad_requirement_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        VersionReq.parse(text)


def test_what_is_no_version_meets_no_requirement() -> None:
    assert not VersionReq.parse("^1").matches_text("users")
