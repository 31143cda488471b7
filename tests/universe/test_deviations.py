"""The list of deviations is about cases that exist."""

from __future__ import annotations

from universe.corpus import deviations, label, load


def test_every_listed_deviation_names_a_case() -> None:
    files = {file for file, _ in deviations()}
    known = {(file, label(case)) for file in files for case in load(file)}
    assert deviations() - known == set()
