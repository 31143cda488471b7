"""The kits of commands and observers pass what is right, and catch what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest

from hyperverse_core import Observer, WaveEnd
from hyperverse_core.commands import common, options
from hyperverse_core.testing import CommandConformance, ObserverConformance


@click.command()
@common
def weigh() -> None:
    """Say what it weighs."""
    print(json.dumps({"grams": 7}) if options().json else "7 g")


@click.command()
@common
def mute() -> None:
    print("nan" if not options().json else json.dumps({"grams": float("nan")}))


@click.command()
def alone() -> None:
    """Take no options."""


class TestWeigh(CommandConformance):
    command = weigh
    works = ((), ("--quiet",))


class Counts(Observer):
    def __init__(self) -> None:
        self.waves = 0

    def wave_begins(self, wave: Any, headers: dict[str, str]) -> int:
        self.waves += 1
        headers["x-count"] = str(self.waves)
        return self.waves

    def wave_ends(self, wave: Any, end: WaveEnd, begun: int | None) -> None:
        assert begun is None or begun <= self.waves


class TestCounts(ObserverConformance):
    def make(self) -> Observer:
        return Counts()


class Raises(Observer):
    def wave_ends(self, wave: Any, end: WaveEnd, begun: object) -> None:
        raise KeyError(wave.id)


class Nothing(Observer):
    pass


class Late(Observer):
    async def wave_begins(self, wave: Any, headers: dict[str, str]) -> None:
        return None


class Old(Observer):
    def wave_delivered(self, wave: Any, reply: Any, seconds: float) -> None:
        return None


class Changes(Observer):
    def handler_begins(self, wave: Any, waited: float) -> None:
        return None

    def wave_begins(self, wave: Any, headers: dict[str, str]) -> None:
        if wave.method.text == "Cmd<Bounce>":
            wave.body = None


class Numbers(Observer):
    def wave_begins(self, wave: Any, headers: Any) -> None:
        headers["x-count"] = 7


class Unprepared(Observer):
    def handler_begins(self, wave: Any, waited: float) -> float:
        return waited

    def handler_ends(self, wave: Any, end: WaveEnd, begun: Any) -> None:
        begun + 1.0


@pytest.mark.parametrize(
    ("wrong", "test", "why"),
    [
        (mute, "test_it_has_a_line_for_the_help", "must say in its docstring what it does"),
        (mute, "test_it_prints_json_when_asked_to", "must print JSON with --json, and printed"),
        (alone, "test_it_takes_the_options_that_all_commands_take", "write `@common` below"),
        (print, "test_it_is_a_command", "must be a click.Command"),
    ],
)
def test_the_kit_catches_a_wrong_command(
    wrong: Any, test: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Kit(CommandConformance):
        command = wrong
        works = ((),)

    given = {"tmp_path": tmp_path, "monkeypatch": monkeypatch} if "json" in test else {}
    with pytest.raises(AssertionError, match=why):
        getattr(Kit(), test)(**given)


@pytest.mark.parametrize(
    ("wrong", "test", "why"),
    [
        (Nothing, "test_it_observes_something", "must override one of"),
        (Late, "test_its_methods_can_be_called_as_the_contract_says", "`wave_begins` is `async def`"),
        (Old, "test_it_uses_no_old_names", "Old.wave_delivered is still called in this release, but not in the next"),
    ],
)
def test_the_kit_catches_a_wrong_observer(wrong: type[Observer], test: str, why: str) -> None:
    class Kit(ObserverConformance):
        def make(self) -> Observer:
            return wrong()

    with pytest.raises(AssertionError, match=why):
        getattr(Kit(), test)()


async def test_the_kit_catches_an_observer_that_raises(start_machine: Any, caplog: pytest.LogCaptureFixture) -> None:
    class Kit(ObserverConformance):
        def make(self) -> Observer:
            return Raises()

    with pytest.raises(AssertionError, match="an observer must not raise, and the log says"):
        await Kit().test_it_sees_waves_without_a_failure(start_machine, caplog)


@pytest.mark.parametrize(
    ("wrong", "test", "why"),
    [
        (Changes, "test_it_leaves_waves_as_they_are", r"must not change bodies, and \[1, 2\] became"),
        (Numbers, "test_what_it_adds_to_waves_are_headers", "must put texts into the headers"),
    ],
)
async def test_the_kit_catches_an_observer_that_marks_wrongly(
    wrong: type[Observer], test: str, why: str, start_machine: Any
) -> None:
    class Kit(ObserverConformance):
        def make(self) -> Observer:
            return wrong()

    with pytest.raises(AssertionError, match=why):
        await getattr(Kit(), test)(start_machine)


async def test_the_kit_catches_an_observer_that_counts_on_a_beginning(start_machine: Any) -> None:
    class Kit(ObserverConformance):
        def make(self) -> Observer:
            return Unprepared()

    with pytest.raises(pytest.fail.Exception, match="`handler_ends` must take None"):
        await Kit().test_it_takes_an_end_without_a_beginning(start_machine)
