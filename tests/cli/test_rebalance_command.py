"""What `hyperverse rebalance` says of what it has not done, and how it ends."""

from __future__ import annotations

from typing import Any

import pytest

from hyperverse_core.cli.machine import rebalance as command
from hyperverse_core.cli.terminal.failures import reported


def rebalance(monkeypatch: pytest.MonkeyPatch, moved: int, *words: str) -> int:
    """The exit code of ``rebalance`` when the machine answers that so many of two have moved."""
    row = {"point": "a:b", "kind": "Base", "from": "x", "to": "y", "why": "its share is 1"}
    answer: dict[str, Any] = {"moves": [row, row], "moved": moved, "why": "a:b was busy" if moved < 2 else ""}
    monkeypatch.setattr(command, "talk_to", lambda machine, work: answer)
    return reported(lambda: command.rebalance.main(list(words), standalone_mode=False), words)


@pytest.mark.parametrize("words", [["--apply"], ["--apply", "--json"]])
def test_rebalancing_that_moves_nothing_fails_and_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert rebalance(monkeypatch, 0, *words) == 1
    said = capsys.readouterr()
    assert "a:b was busy" in (said.out if "--json" in words else said.err)


def test_rebalancing_that_moves_some_says_why_not_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rebalance(monkeypatch, 1, "--apply") == 0
    said = capsys.readouterr()
    assert "moved: 1 of 2" in said.out
    assert "a:b was busy" in said.err


def test_a_plan_or_moves_but_not_both(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert rebalance(monkeypatch, 2, "--plan", "--apply") == 2
    assert "not both" in capsys.readouterr().err
