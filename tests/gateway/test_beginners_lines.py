"""What a beginner writes in Python, and what has to be answered. The lines are in beginners_lines.toml."""

from __future__ import annotations

import ast
import asyncio
import inspect
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

import hyperverse_core
from hyperverse_core import Client, Config, Ctx, Driver, KindDef, Machine, Particle, handler, hookimpl
from patience import LEASE

LINES: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("beginners_lines.toml").read_text("utf-8"))["line"]


@attrs.define
class Counter(Particle):
    value: int = 0

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, by: int = 1) -> int:
        self.value += by
        return self.value


class CounterDriver(Driver):
    kind = KindDef("Counter", doc="counts")
    particle = Counter


class Counters:
    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        register(CounterDriver)


async def told(line: str, names: dict[str, Any]) -> str:
    """What a beginner sees who runs that line; empty when it goes through."""
    code = compile(line, "beginner", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    try:
        running = eval(code, dict(names))
        if inspect.isawaitable(running):
            await running
    except Exception as exc:
        return "\n".join([f"{type(exc).__name__}: {exc}", *getattr(exc, "__notes__", ())])
    return ""


async def test_a_beginner_is_told_what_is_wrong_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data_dir = tmp_path / "data"
    async with Machine(Config(data_dir=data_dir, lease=LEASE), plugins=[Counters()]) as machine:
        await machine.client().exec(
            "create localhost<Space>; create localhost:hits<Counter>; create localhost:box<Base>"
        )
        async with Client.connect(data_dir) as client:
            names = {name: getattr(hyperverse_core, name) for name in hyperverse_core.__all__}  # type: ignore[attr-defined]  # made at run time
            at_hand = {
                "client": client,
                "machine": machine,
                "Counter": Counter,
                "Tally": CounterDriver,
                "asyncio": asyncio,
                "data_dir": data_dir,
            }
            wrong = {}
            for line in LINES:
                said = await told(line["wrote"], {**names, **at_hand})
                missing = [text for text in line["says"] if text not in said]
                if missing or not said:
                    wrong[line["wrote"]] = f"does not say {missing}: {said}"
            assert not wrong, "\n\n".join(f"{line}\n{why}" for line, why in wrong.items())


def test_there_are_at_least_forty_lines_and_each_is_there_once() -> None:
    assert len({line["wrote"] for line in LINES}) == len(LINES) >= 40
