"""No file, answer or log of a machine has a secret in clear: no new one, and none that an older release has left."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Run
from hyperverse_core.contracts.registry import PropertyValue, Registration
from hyperverse_core.universe.address.point import HYPERUSER, Point
from hyperverse_core.universe.kinds.kind import Kind
from hyperverse_sql.registry import SqlRegistry
from hyperverse_sql.settings import SqlSettings

OLD, LONG, NEW, WORD = "old-secret-5318", "long-secret-2207-" * 900, "new-secret-9264", "hashed-secret-4471"
VAULT = """
from hyperverse_core import Ctx, Driver, KindDef, Particle, handler, hookimpl
from hyperverse_core.values import PropertiesConfig, PropertyDef


class Vault(Particle):
    @handler("Ext<Open>")
    async def open(self, ctx: Ctx, guess: str) -> bool:
        return await ctx.matches("code", guess)


class VaultDriver(Driver):
    kind = KindDef("Vault", properties=PropertiesConfig([
        PropertyDef("code", source="CoreSecret"),
        PropertyDef("word", source="CoreSecret", hashed=True),
    ]))
    particle = Vault


@hookimpl
def hyperverse_register_drivers(register):
    register(VaultDriver)
"""


async def _older_release(path: Path) -> None:
    """Writes secrets in clear, as a release before this one did."""
    async with SqlRegistry(SqlSettings(path=path)) as registry:
        await registry.register(Registration(Point.parse("localhost"), Kind.parse("Space"), HYPERUSER))
        for name, value in (("old", OLD), ("long", LONG)):
            clear = {"code": PropertyValue(value), "word": PropertyValue(WORD)}
            await registry.register(
                Registration(Point.parse(f"localhost:{name}"), Kind.parse("Vault"), HYPERUSER, clear)
            )


def _files_with(folder: Path, *secrets: str) -> list[str]:
    found = []
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            found += [f"{path.name}: {secret[:20]}" for secret in secrets if secret[:200].encode() in content]
    return found


def _said(run: Run, *args: str, stdin: str = "") -> str:
    done = run(*args, stdin=stdin)
    return done.stdout + done.stderr


@pytest.fixture
def old(home: Path, run: Run) -> Iterator[dict[str, Any]]:
    """A machine on the data directory of an older release; its status."""
    data = home / ".hyperverse"
    data.mkdir(mode=0o700)
    asyncio.run(_older_release(data / "registry.sqlite"))
    assert len(_files_with(data, OLD, LONG, WORD)) >= 3, "the test looks where older releases have left them"
    (home / "hyperverse.toml").write_text("[plugins]\nlocal = true\n")
    (home / "hyperverse_local.py").write_text(VAULT)
    done = run("up", "--detach", "--json")
    assert done.returncode == 0, done.stderr
    yield json.loads(done.stdout)
    run("down")


@pytest.mark.thorough
def test_nothing_of_a_machine_has_a_secret_in_clear(home: Path, run: Run, old: dict[str, Any]) -> None:
    data = home / ".hyperverse"
    new = f"create localhost:new<Vault>{{+code={NEW}, +word={WORD}}};"
    said = [_said(run, "exec", "-", stdin=new), _said(run, "exec", "-", stdin=new)]  # the second is a conflict
    said.append(_said(run, "term", stdin=f"set localhost:new{{+code={NEW}}}\nset localhost:new{{+code={NEW}\n"))
    said.append(_said(run, "keys", "rotate", "secrets"))
    assert "rotated" in said[-1], said[-1]
    said += [_said(run, "exec", f"get localhost:{name}{{}}") for name in ("old", "long", "new")]
    said.append(_said(run, "exec", "get localhost:new{code}"))
    said += [_said(run, *words) for words in (("config", "show"), ("dump",), ("logs",), ("audit", "show"), ("status",))]
    for name, code in (("old", OLD), ("long", LONG), ("new", NEW)):
        opened = _said(run, "exec", "-", stdin=f'ping localhost:{name} Ext<Open> {{"guess": "{code}"}};')
        assert "true" in opened.lower(), opened
    copy = home / "copy.sqlite"
    said.append(_said(run, "registry", "backup", str(copy)))
    said.append((Path("/proc") / str(old["pid"]) / "cmdline").read_text())
    run("down")
    for text in said:
        assert not [secret for secret in (OLD, LONG[:50], NEW, WORD) if secret in text], text
    assert _files_with(data, OLD, LONG, NEW, WORD) == []
    assert _files_with(home, OLD, LONG, NEW, WORD) == []
    assert copy.exists()
