"""Statements look things up; none of them goes through all particles."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from hyperverse_core.registry import Registration, Registry, StarRecord, Status, Strategy
from hyperverse_core.values import HYPERUSER, ROOT, AccessGrant, Kind, Point, Selector, SetProperty, StarKey
from hyperverse_sql.registry import SqlRegistry

_SPACE = Point.parse("localhost")
_GROWING = ("particles", "states", "changes")
_VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE")


@pytest.fixture
def statements() -> Iterator[dict[str, Any]]:
    """The statements that were run, and parameters of each."""
    seen: dict[str, Any] = {}

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if statement.startswith(_VERBS):
            seen.setdefault(statement, parameters[0] if many else parameters)

    sa.event.listen(Engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(Engine, "before_cursor_execute", note)


async def _use(registry: Registry) -> None:
    """Uses all of it once."""
    await registry.register(Registration(_SPACE, Kind("Space"), HYPERUSER, state=b"x"))
    child = _SPACE.child("a")
    await registry.register(Registration(child, Kind("Base"), HYPERUSER))
    star = await registry.announce(StarRecord(StarKey("kit", "fold"), "Fold", "kit"))
    held = (await registry.assign(child, star.key, star.incarnation, None)).assignment
    await registry.save_state(child, held, b"x", announce=True)
    await registry.load_state(child)
    await registry.set_status(child, Status.READY)
    await registry.set_properties([child], [SetProperty("x", "1")])
    await registry.chown([child], _SPACE)
    await registry.sequence(child)
    await registry.children(_SPACE, after=child)
    await registry.children(ROOT)
    for text in ("**", "+:**", "localhost:*", "localhost:a", "localhost:**", "localhost:a:*+:b", "localhost:a+:**"):
        await registry.select(Selector.parse(text), after=_SPACE)
    await registry.hosted(star.key, after=_SPACE)
    await registry.release([(child, held)])
    await registry.renew([star])
    grant = await registry.grant(AccessGrant.parse("super on ** to ** by localhost"))
    await registry.grants([ROOT])
    await registry.revoke(grant.id)
    await registry.changes(1, timeout=0)
    await registry.register(Registration(child, Kind("Space"), HYPERUSER, strategy=Strategy.OVERRIDE))
    await registry.withdraw([star])
    await registry.delete([child])


async def test_every_statement_uses_an_index(tmp_path: Path, statements: dict[str, Any]) -> None:
    path = tmp_path / "registry.sqlite"
    async with SqlRegistry({"path": path}) as registry:
        await _use(registry)
    connection = sqlite3.connect(path)
    assert len(statements) > 25
    for statement, parameters in statements.items():
        steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
        for step in steps:
            walks = step.startswith("SCAN ") and step.split()[1] in _GROWING
            # `**` from the root is a walk through all: in the order of the points, page by page.
            in_order = "USING INDEX sqlite_autoindex_particles" in step
            assert not walks or in_order, (statement, steps)
            of_particles = "FROM particles" in statement or "FROM changes" in statement
            assert not (of_particles and step.startswith("USE TEMP B-TREE")), (statement, steps)
    connection.close()
