"""The reference of Python shows every method of a client with the signature that it has, and an example that runs."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from docs.pages import REPOSITORY, blocks_of
from docs.signatures import signatures
from hyperverse_core import (
    Client,
    Config,
    Ctx,
    Driver,
    KindDef,
    Machine,
    Particle,
    PropertiesConfig,
    PropertyDef,
    handler,
    hookimpl,
)
from patience import LEASE

PAGE = REPOSITORY / "docs" / "reference" / "python.md"
_ENTRY = re.compile(r"^### `((?:client|at)\.\w+)`\n\n```text\n(.*?)\n```\n\n.*?\n\n```python client\n", re.M | re.S)


@attrs.define
class Counter(Particle):
    """The one of the examples."""

    value: int = 0

    @handler("Ext<Add>")
    async def add(self, ctx: Ctx, by: int = 1) -> int:
        self.value += by
        await ctx.save()
        return self.value

    @handler("Ext<Get>")
    async def get(self, ctx: Ctx) -> int:
        return self.value


class CounterDriver(Driver):
    kind = KindDef("Counter", doc="counts", properties=PropertiesConfig((PropertyDef("title"),)))
    particle = Counter


class Counters:
    @hookimpl
    def hyperverse_register_drivers(self, register: Callable[[type[Driver]], None]) -> None:
        register(CounterDriver)


def test_every_method_has_its_signature_in_the_reference() -> None:
    """If this fails, paste what ``python tests/docs/signatures.py`` prints."""
    assert dict(_ENTRY.findall(PAGE.read_text("utf-8"))) == dict(signatures())


async def test_every_example_of_the_client_runs(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    async with Machine(Config(data_dir=tmp_path / "data", lease=LEASE), plugins=[Counters()]) as machine:
        await machine.client().exec(
            "create localhost<Space>; create localhost:app<Base>; create localhost:hits<Counter>"
        )
        async with Client.connect("data") as client:
            names: dict[str, Any] = {"client": client, "Client": Client, "Counter": Counter}
            for block in blocks_of(PAGE):
                if "client" in block.flags:
                    code = compile(block.content, f"{PAGE.name}:{block.line}", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
                    running = eval(code, names)
                    if inspect.isawaitable(running):
                        await running
