"""The gate for speed: what it lets pass, what it refuses, and how little one noisy run decides."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from packaging.version import Version

from bench import kept
from bench.compare import compare_rows, lines_of
from bench.figures import Figure, Figures, least, read
from bench.gate import ALONE, RUNS, gate
from hyperverse_core import __version__

KEPT = {"uvloop: Ping": 0.5, "uvloop: Signal": 1.0}


def runs(*ratios: float) -> Callable[[], Figures]:
    """A benchmark whose Pings have these ratios, run after run, the last one for ever; its Signals are as kept."""
    waiting = itertools.chain(ratios, itertools.repeat(ratios[-1]))
    return lambda: {"uvloop: Ping": Figure(next(waiting), 1.0), "uvloop: Signal": Figure(1.0, 1.0)}


def nothing(text: str) -> None: ...


def test_a_ratio_within_1_3_times_of_the_kept_one_passes_at_once() -> None:
    said: list[str] = []
    assert gate(KEPT, runs(0.64), None, said.append)
    assert not [line for line in said if "run 1" in line]


def test_a_higher_ratio_fails_after_all_runs() -> None:
    said: list[str] = []
    assert not gate(KEPT, runs(0.66), None, said.append)
    assert sum("too high: uvloop: Ping" in line for line in said) == RUNS
    assert any("0.66x, which is 1.32 times of 0.50x" in line for line in said)


def test_one_good_run_is_enough() -> None:
    assert gate(KEPT, runs(*[2.0] * (RUNS - 1), 0.6), None, nothing)


def test_a_reference_that_was_slowed_down_hides_nothing() -> None:
    """The least of each side counts: a run whose reference was slow does not make the ratio good."""
    slow = iter([Figure(0.7, 1.0), Figure(0.7, 2.0)])
    measure = lambda: {"uvloop: Ping": next(slow, Figure(0.7, 1.0)), "uvloop: Signal": Figure(1.0, 1.0)}  # noqa: E731
    assert not gate(KEPT, measure, None, nothing)


def test_a_row_that_is_not_measured_any_more_fails() -> None:
    said: list[str] = []
    assert not gate(KEPT, lambda: {"uvloop: Ping": Figure(0.5, 1.0)}, None, said.append)
    assert "uvloop: Signal: it is not measured any more" in said


def test_a_new_row_is_no_fault() -> None:
    measure = runs(0.5)
    assert gate({"uvloop: Signal": 1.0}, measure, None, nothing)


@pytest.mark.parametrize(("before", "good", "pairs"), [(0.8, True, 1), (0.5, False, RUNS)])
def test_another_kind_of_computer_is_judged_by_the_code_whose_ratios_were_kept(
    before: float, good: bool, pairs: int
) -> None:
    measured = itertools.count()

    def in_turn(measure: Callable[[], Figures]) -> Iterator[tuple[Figures, Figures]]:
        for _ in measured:
            yield {"uvloop: Ping": Figure(before, 1.0), "uvloop: Signal": Figure(1.0, 1.0)}, measure()

    said: list[str] = []
    assert gate(KEPT, runs(0.9), in_turn, said.append) is good
    assert sum("too high: uvloop: Ping" in line for line in said) == ALONE
    assert next(measured) == pairs, "it ends as soon as no row is too high"


def test_both_forms_of_json_are_read() -> None:
    old = {
        "loop": "uvloop",
        "what": "Ping",
        "seconds": 2e-6,
        "reference": "q",
        "base": 4e-6,
        "at_most": 1,
        "ratio": 0.5,
    }
    new = {"loop": "uvloop", "name": "Ping", "value": 2.0, "unit": "us", "reference": "q", "reference_value": 4.0}
    assert read(json.dumps(old)) == read(json.dumps(new)) == {"uvloop: Ping": Figure(2.0, 4.0)}


def test_of_several_runs_the_least_of_each_side_is_left() -> None:
    assert least([{"a": Figure(2.0, 5.0)}, {"a": Figure(3.0, 4.0), "b": Figure(1.0, 1.0)}]) == {
        "a": Figure(2.0, 4.0),
        "b": Figure(1.0, 1.0),
    }


def test_ratios_are_kept_in_the_file_and_on_the_page(tmp_path: Path) -> None:
    file, page = tmp_path / "kept.json", tmp_path / "page.md"
    page.write_text(
        "before\n<!-- kept ratios: written by tests/bench/gate.py --keep -->old<!-- end of the kept ratios -->\nafter\n"
    )
    kept.keep("1.0", {"uvloop: Ping": Figure(1.0, 2.0)}, file=file, page=page)
    kept.keep("1.1", {"uvloop: Ping": Figure(1.0, 4.0), "uvloop: Signal": Figure(1.0, 1.0)}, file=file, page=page)
    assert [release.name for release in kept.load(file)] == ["1.0", "1.1"]
    lines = page.read_text().splitlines()
    assert (lines[0], lines[-1]) == ("before", "after")
    assert "| uvloop | Ping | 0.50x | 0.25x |" in lines
    assert "| uvloop | Signal |  | 1.00x |" in lines


def test_a_page_without_a_place_for_the_ratios_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing\n")
    with pytest.raises(ValueError, match="no place for the table"):
        kept.keep("1.0", {}, file=tmp_path / "kept.json", page=page)


def test_the_page_shows_the_ratios_that_are_kept() -> None:
    assert kept.table(kept.load()) in kept.PAGE.read_text("utf-8")


def test_two_environments_are_compared_by_their_times_and_by_their_ratios() -> None:
    time, ratio = compare_rows({"uvloop: Ping": Figure(2.0, 4.0)}, {"uvloop: Ping": Figure(3.0, 3.0)})
    assert (time.name, time.ratio) == ("Ping", 1.5)
    assert (ratio.name, ratio.value, ratio.reference_value, ratio.ratio) == ("Ping: ratio", 1.0, 0.5, 2.0)


def test_the_tables_of_scripts_are_read_line_by_line() -> None:
    text = (
        "-- uvloop, Python 3.11.7\n"
        "Ping/Pong, 1,000 senders at once, each                         24.61 us   0.73x  at most 1.5x   ok\n"
        "bench: 3 rows\n"
        "uvloop, 1 in flight               1,114.5     768.0    0.69\n"
    )
    assert lines_of(text) == {
        "uvloop: Ping/Pong, 1,000 senders at once, each": [24.61, 0.73],
        "uvloop: uvloop, 1 in flight": [1114.5, 768.0, 0.69],
    }


def test_no_ratios_are_kept_for_a_version_that_the_code_does_not_have_yet() -> None:
    newest = kept.load()[-1].name
    assert Version(newest) <= Version(Version(__version__).base_version)
