"""The kits of commands and observers pass what is right, and catch what is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import pytest

from hyperverse_core import Observer
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

    def wave_begun(self, wave: Any) -> Mapping[str, str] | None:
        self.waves += 1
        return {"x-count": str(self.waves)}


class TestCounts(ObserverConformance):
    def make(self) -> Observer:
        return Counts()


class Raises(Observer):
    def wave_answered(self, wave: Any, reply: Any, seconds: float) -> None:
        raise KeyError(wave.id)


class Nothing(Observer):
    pass


class Late(Observer):
    async def wave_begun(self, wave: Any) -> None:  # type: ignore[override]
        return None


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
        (Late, "test_its_methods_can_be_called_as_the_contract_says", "`wave_begun` is `async def`"),
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
