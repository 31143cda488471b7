"""The scenarios of access (docs/reference/access.md#the-rules), asked of the policy over a registry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest

from hyperverse_core.contracts.policy import PolicyView
from hyperverse_core.contracts.registry import Registration
from hyperverse_core.testing import MemoryRegistry
from hyperverse_core.universe.access.access import Access, AccessGrant
from hyperverse_core.universe.address.point import HYPERUSER, Point
from hyperverse_core.universe.kinds.kind import Kind
from hyperverse_core.universe.selectors.selector import Selector
from hyperverse_grants.policy import GrantsPolicy

CASES = Path(__file__).parents[1] / "universe" / "cases" / "access.json"
SCENARIOS: list[dict[str, Any]] = json.loads(CASES.read_text())


@attrs.define
class World:
    registry: MemoryRegistry
    policy: GrantsPolicy

    @classmethod
    async def make(cls, particles: list[dict[str, str]]) -> World:
        registry = MemoryRegistry()
        await registry.open()
        for row in particles:
            point, owner = Point.parse(row["point"]), Point.parse(row["owner"])
            if not point.is_root:
                for above in reversed([step for step in point.ancestors() if not step.is_root]):
                    if above not in await registry.records([above]):  # the shorter scenarios leave them out
                        await registry.register(Registration(above, Kind("Space"), HYPERUSER))
                await registry.register(Registration(point, Kind.parse(row["kind"]), owner))
        policy = GrantsPolicy({"same_owner": False})  # the scenarios are older than that rule
        await policy.open(PolicyView(registry, registry.records))
        return cls(registry, policy)

    async def access(self, agent: str, target: str) -> Access:
        return await self.policy.access(Point.parse(agent), await self.registry.record(Point.parse(target)))

    async def chown(self, selector: str, owner: str, by: str) -> bool:
        """Gives everything that ``selector`` names to ``owner``, if ``by`` has super on each."""
        page = await self.registry.select(Selector.parse(selector))
        for record in page.records:
            if not (await self.policy.access(Point.parse(by), record)).has_super:
                return False
        await self.registry.chown([record.point for record in page.records], Point.parse(owner))
        self.policy.forget()
        return True

    async def grant(self, step: dict[str, Any]) -> None:
        kind = f"{step['kind']} {step.get('data', '')}".rstrip()
        text = f"{kind} on {step['on']} to {step['to']} by {step['by']}"
        await self.registry.grant(AccessGrant.parse(text))
        self.policy.forget()


def check_access(access: Access, expected: dict[str, Any]) -> None:
    found = {
        "has_super": access.has_super,
        "has_owner": access.has_owner,
        "has_full": access.has_full,
        "permissions": str(access.permissions()),
        "access": access.kind.value,
    }
    for key, value in expected.items():
        if key == "privileges":
            assert all(access.has_privilege(name) for name in value)
        else:
            assert found[key] == value, key


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[s["scenario"] for s in SCENARIOS])
async def test_the_scenario_comes_out_as_it_should(scenario: dict[str, Any]) -> None:
    world = await World.make(scenario["particles"])
    for step in scenario["steps"]:
        if step["op"] == "grant":
            await world.grant(step)
        elif step["op"] == "access":
            check_access(await world.access(step["to"], step["on"]), step["expect"])
        elif step["op"] == "chown":
            done = await world.chown(step["selector"], step["owner"], step["by"])
            assert done == (step["expect"] == "ok"), step
        else:
            assert step["op"] == "list_access", step
            assert len(await world.registry.grants()) == 6


async def test_two_grants_by_one_anothers_holders_come_to_an_end() -> None:
    people = [
        {"point": p, "kind": k, "owner": "hyperspace:users:hyperuser"}
        for p, k in (("localhost", "Space"), ("localhost:a", "User"), ("localhost:b", "User"), ("localhost:c", "App"))
    ]
    world = await World.make(people)
    for to, by in (("a", "b"), ("b", "a")):
        await world.grant({"kind": "super", "on": "localhost:c", "to": f"localhost:{to}", "by": f"localhost:{by}"})
    assert str((await world.access("localhost:a", "localhost:c")).permissions()) == "csd-rwx"
    assert str((await world.access("localhost:b", "localhost:c")).permissions()) == "csd-rwx"
