"""The glossary is complete, in order, and says each thing in one sentence."""

from __future__ import annotations

import re

import pytest

from docs.pages import REPOSITORY

PAGE = REPOSITORY / "docs" / "reference" / "glossary.md"
OWN = "## The platform's own words"
COMMON = "## Common words, as used here"
SEED = (
    "Agent Bind Constellation Control Core Driver Echo Field Gravity Hyperuser Hyperverse Kind Lane Layer Machine "
    "Mechtron Particle Ping Point Pong Registry Ripple Shell Signal Star Surface Topic Universe Wave"
)
"""The platform's words that no other platform has, or has for something else."""
HOUSE = (
    "accepted signal, activation, active particle, background task, backpressure, cancellation, credentials, "
    "deactivation, endpoint, endpoint file, fan-out, guarded call, idle collector, listener, maintenance, name claim, "
    "peer, permission cache, plain values, priority queue, rebalancing, remote star, replay cache, retry, "
    "revision notice, server key, single flight, topology, worker pool"
)
"""Common words that code and pages use, each for one thing."""


def rows(heading: str) -> list[list[str]]:
    """The cells of each row of the table under a heading."""
    text = PAGE.read_text("utf-8").partition(f"\n{heading}\n")[2]
    section = text.partition("\n## ")[0]
    found = [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in section.splitlines() if line[:1] == "|"
    ]
    return found[2:]


def terms(heading: str) -> list[str]:
    return [row[0].strip() for row in rows(heading)]


@pytest.mark.parametrize("heading", [OWN, COMMON])
def test_terms_are_sorted_and_stand_once(heading: str) -> None:
    found = terms(heading)
    assert found == sorted(set(found), key=str.lower)


def test_every_word_of_the_seed_is_there() -> None:
    assert set(SEED.split()) - set(terms(OWN)) == set()


def test_every_word_of_the_code_is_there() -> None:
    assert set(HOUSE.split(", ")) - set(terms(COMMON)) == set()


@pytest.mark.parametrize("row", rows(OWN) + rows(COMMON), ids=lambda row: row[0].replace(" ", "-"))
def test_a_meaning_is_one_sentence(row: list[str]) -> None:
    meaning = row[-1]
    assert re.fullmatch(r"[A-Z][^.]*(\.\w[^.]*)*\.", meaning), meaning
    assert len(row) in (2, 3) and all(row)
