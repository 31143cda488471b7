"""What policies decide on a machine: by method, path, properties and owners, and how soon a change counts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from hyperverse_cedar.policy import CedarPolicy

from hyperverse_core.policy import HoldsFor, Need
from hyperverse_core.registry import ChangeKind, ParticleRecord, Registration
from hyperverse_core.testing import MemoryRegistry, PolicyWorld
from hyperverse_core.values import HYPERUSER, Kind, Point, SetProperty

BOB, HOME = Point.parse("localhost:users:bob"), Point.parse("localhost:alice")
MakePolicy = Callable[..., CedarPolicy]


@pytest.fixture
def cedar(tmp_path: Path) -> MakePolicy:
    """``cedar(text, mode="replace")``: a policy of that text."""

    def make(text: str, **settings: Any) -> CedarPolicy:
        file = tmp_path / "rules.cedar"
        file.write_text(text, "utf-8")
        return CedarPolicy({"policies": str(file), "mode": "replace", **settings}, now=lambda: 1000.0)

    return make


@attrs.frozen
class Asked:
    """Asks a policy about particles with properties."""

    policy: CedarPolicy
    world: PolicyWorld

    @classmethod
    async def of(cls, policy: CedarPolicy, properties: dict[str, str]) -> Asked:
        world = await PolicyWorld.make(policy, MemoryRegistry())
        asked = cls(policy, world)
        await asked.set(properties)
        return asked

    async def set(self, properties: dict[str, str]) -> None:
        await self.world.registry.set_properties([HOME], [SetProperty(name, text) for name, text in properties.items()])
        await self.world.catch_up()

    async def may(self, need: str = "x", action: str = "Ext<Get>", **more: Any) -> bool:
        request = await self.world.request(BOB, HOME, Need(need), action=action)
        return (await self.policy.decide(attrs.evolve(request, **more))).allowed


@pytest.mark.parametrize(
    ("condition", "properties", "allowed"),
    [
        ('resource.properties has level && resource.properties.level == "3"', {"level": "3"}, True),
        ('resource.properties has level && resource.properties.level == "3"', {"level": "4"}, False),
        ("resource.numbers has level && resource.numbers.level < 5", {"level": "4"}, True),
        ("resource.numbers has level && resource.numbers.level < 5", {"level": "04x"}, False),
        ("resource.numbers has level && resource.numbers.level < 5", {"level": "9" * 19}, False),
        ('resource.properties["two-words"] == "a"', {"two-words": "a"}, True),
        ('resource.properties.missing == "a"', {}, False),
        ('resource.base == "Base" && resource.kind == "Base"', {}, True),
        ('resource.owner == Particle::"localhost:users:alice"', {}, True),
        ("resource.owner.owner == principal.owner", {}, True),
        ('resource.parent == Particle::"localhost" && resource in Particle::"ROOT"', {}, True),
        ('resource.parent.base == "Space"', {}, True),
        ('resource in Particle::"localhost:users"', {}, False),
        ('principal in Particle::"localhost:users"', {}, True),
        ('Particle::"localhost:alice".properties.open == "yes"', {"open": "yes"}, True),
        ('context.permission == "x" && context.privilege == ""', {}, True),
        ("context.now < 1001 && context.now > 999", {}, True),
        ('context.path == "/"', {}, True),
        ('context.chain.contains("localhost:alice")', {}, False),
    ],
)
async def test_a_condition_decides(
    cedar: MakePolicy, condition: str, properties: dict[str, str], allowed: bool
) -> None:
    asked = await Asked.of(cedar(f"permit (principal, action, resource) when {{ {condition} }};"), properties)
    assert await asked.may() is allowed


async def test_actions_are_told_apart_by_method_group_and_path(cedar: MakePolicy) -> None:
    asked = await Asked.of(
        cedar(
            """
            permit (principal, action in Action::"needs:read", resource);
            permit (principal, action == Action::"Http<Get>", resource) when { context.path like "/public/*" };
            permit (principal, action == Action::"Ext<Open>", resource);
            permit (principal, action in Action::"needs:privilege", resource) when { context.privilege == "a:b" };
            """
        ),
        {},
    )
    assert await asked.may("r", "get")
    assert not await asked.may("w", "set")
    assert await asked.may("x", "Ext<Open>")
    assert not await asked.may("x", "Ext<Close>")
    assert await asked.may("x", "Http<Get>", path="/public/a")
    assert not await asked.may("x", "Http<Get>", path="/private/a")
    assert not await asked.may("csdrwx", "explain"), "to read is not all that `explain` takes"
    assert await asked.may("", "Ext<Open>")
    request = await asked.world.request(BOB, HOME, Need("", "a:b"))
    assert (await asked.policy.decide(request)).allowed
    assert not (await asked.policy.decide(attrs.evolve(request, need=Need("", "a:c")))).allowed


async def test_an_answer_holds_as_long_as_what_the_policies_look_at(cedar: MakePolicy) -> None:
    policy = cedar(
        """
        permit (principal, action in Action::"needs:execute", resource in Particle::"localhost");
        forbid (principal, action == Action::"Ext<Wipe>", resource in Particle::"localhost:alice");
        forbid (principal, action, resource == Particle::"localhost:alice:notes") when { context.path like "/x*" };
        """
    )
    asked = await Asked.of(policy, {})
    expected = {"localhost:users:bob": HoldsFor.NEED, "localhost:alice": HoldsFor.ACTION}
    expected["localhost:alice:notes"] = HoldsFor.REQUEST
    for point, holds_for in expected.items():
        decision = await policy.decide(await asked.world.request(BOB, Point.parse(point), "x"))
        assert decision.allowed
        assert decision.holds_for is holds_for, point
        assert decision.rests_on == frozenset(), "no policy reads a record"


async def test_an_answer_rests_on_what_the_policies_read(cedar: MakePolicy) -> None:
    policy = cedar('permit (principal, action, resource) when { resource.owner.properties.team == "a" };')
    asked = await Asked.of(policy, {})
    decision = await policy.decide(await asked.world.request(BOB, HOME, "x"))
    assert decision.rests_on == frozenset({HOME, Point.parse("localhost:users:alice")})
    assert ChangeKind.PROPERTIES in policy.change_kinds
    assert ChangeKind.PROPERTIES not in cedar("permit (principal, action, resource);").change_kinds


async def test_a_prohibition_that_cannot_be_evaluated_forbids(cedar: MakePolicy) -> None:
    text = """
    permit (principal, action, resource);
    @id("grown-ups") forbid (principal, action, resource) unless { resource.numbers.age >= 18 };
    """
    asked = await Asked.of(cedar(text), {"age": "18"})
    assert await asked.may()
    await asked.set({"age": "17"})
    assert not await asked.may()
    await asked.set({"age": "unknown"})
    decision = await asked.policy.decide(await asked.world.request(BOB, HOME, "x"))
    assert not decision.allowed
    assert "cannot be evaluated ('grown-ups')" in decision.why


@pytest.mark.parametrize(
    ("properties", "allowed"),
    [
        ({}, True),
        ({"level": "5"}, True),
        ({"level": "2"}, False),
        ({"level": "high"}, False),
        ({"level": "5.0"}, False),
    ],
)
async def test_a_prohibition_by_number_holds_for_what_is_no_number(
    cedar: MakePolicy, properties: dict[str, str], allowed: bool
) -> None:
    text = """
    permit (principal, action, resource);
    forbid (principal, action, resource) when { resource.properties has level && resource.numbers.level < 3 };
    """
    assert await (await Asked.of(cedar(text), properties)).may() is allowed


async def test_nobody_locks_the_hyperuser_out(cedar: MakePolicy) -> None:
    for mode in ("narrow", "replace"):
        asked = await Asked.of(cedar("forbid (principal, action, resource);", mode=mode), {})
        assert (await asked.policy.decide(await asked.world.request(HYPERUSER, HOME, "w"))).allowed


async def test_an_explanation_names_the_policy_and_its_place(cedar: MakePolicy, tmp_path: Path) -> None:
    text = 'permit (principal, action, resource);\n\n@id("not here")\nforbid (principal, action, resource);'
    for mode in ("narrow", "replace"):
        asked = await Asked.of(cedar(text, mode=mode), {})
        alice = Point.parse("localhost:users:alice")
        explained = await asked.policy.explain(await asked.world.request(alice, HOME, "w"))
        assert not explained.decision.allowed
        assert explained.rule == "the Cedar policy 'not here' forbids it"
        (reason,) = (reason for reason in explained.reasons if reason.decides)
        assert (reason.id, reason.why) == ("not here", f"{tmp_path}/rules.cedar:3")
        assert str(tmp_path) not in explained.decision.why, "where files are is not for who is refused"


async def test_grants_of_earlier_give_no_power_where_they_do_not_count(cedar: MakePolicy) -> None:
    asked = await Asked.of(cedar("permit (principal, action, resource);"), {})
    await asked.world.grant(f"super on localhost+:** to {BOB} by {HYPERUSER}")
    administration = asked.policy.administration
    alice = Point.parse("localhost:users:alice")
    with pytest.raises(Exception, match="may not make tokens"):
        await administration.issue_token(alice, by=BOB)
    with pytest.raises(Exception, match="may not see tokens of others"):
        await administration.tokens(agent=alice, by=BOB)
    (hers,) = await administration.tokens(agent=alice, by=HYPERUSER)
    with pytest.raises(Exception, match="may not change tokens of others"):
        await administration.revoke_token(hers.id, by=BOB)
    with pytest.raises(Exception, match="grants do not count"):
        await administration.holders(ParticleRecord(HOME, Kind("Base"), alice))
    own = await administration.issue_token(BOB, by=HYPERUSER)
    assert [token.id for token in await administration.tokens(by=BOB)] == [own.record.id]
    await administration.revoke_token(own.record.id, by=BOB)


async def until(ask: Callable[[], Awaitable[Any]], status: int) -> None:
    """Asks until the answer has that status."""
    async with asyncio.timeout(20.0):
        while (await ask()).status != status:
            pass


async def test_a_property_counts_soon(cedar: MakePolicy, start_machine: Callable[..., Awaitable[Any]]) -> None:
    policy = cedar(
        """
        permit (principal, action, resource);
        @id("closed")
        forbid (principal, action in Action::"needs:read", resource)
        when { principal.properties has email && principal.properties.email like "*@left.example" };
        """,
        mode="narrow",
    )
    machine = await start_machine(policy=policy)
    boss = machine.client()
    await boss.exec("create localhost<Space>; create localhost:a<Base>")
    for point, kind in (("localhost:users", "UserBase<OAuth>"), ("localhost:users:ada", "User")):
        await machine.registry.register(Registration(Point.parse(point), Kind.parse(kind), HYPERUSER))
    await boss.exec("grant perm +csd-Rwx on localhost:a to localhost:users:ada")
    await boss.exec("grant perm +cSd-rwx on localhost to localhost:users:ada")  # or it would be hidden from her
    ada = machine.client(agent="localhost:users:ada")
    assert (await ada.ping("localhost:a", "Cmd<Read>")).status == 200
    await boss.exec("set localhost:users:ada{ +email=ada@left.example }")
    await until(lambda: ada.ping("localhost:a", "Cmd<Read>"), 403)
    assert "('closed')" in str((await ada.ping("localhost:a", "Cmd<Read>")).body)
    assert (await boss.ping("localhost:a", "Cmd<Read>")).status == 200
    await boss.exec("set localhost:users:ada{ +email=ada@here.example }")
    await until(lambda: ada.ping("localhost:a", "Cmd<Read>"), 200)
