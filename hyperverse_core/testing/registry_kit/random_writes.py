"""Random writes, which can be applied to several registries."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import attrs

from ...contracts.registry import (
    Assignment,
    MachineKey,
    ParticleRecord,
    PropertyValue,
    Registration,
    Registry,
    StarRecord,
    Status,
    Strategy,
    TokenRecord,
)
from ...universe.access.access import AccessGrant
from ...universe.address.point import HYPERUSER, Point
from ...universe.address.star_key import StarKey
from ...universe.kind_defs.properties import SetProperty, UnsetProperty
from .fixture_tree import BASE, USER, at

__all__ = ["DIGESTS", "POINTS", "SPACE_OF_ALL", "STARS", "WRITES", "Side", "Write", "plain", "plain_star"]

SPACE_OF_ALL: Final = at("localhost")
POINTS: Final = tuple(map(at, ("localhost:a", "localhost:a:c", "localhost:b", "localhost:b-c", "localhost:scott")))
STARS: Final = (StarKey("kit", "fold"), StarKey("kit", "jump"))
_GRANTS: Final = (
    "super on localhost:a+:** to localhost:scott by localhost",
    "perm &CSD-rwx on localhost:b to ** by localhost:scott",
    "priv * on localhost:a to localhost:b by localhost",
)
DIGESTS: Final = ("ab", "AB", "ab ")


@attrs.define(eq=False)
class Side:
    """One of the two registries, and what it has returned. Numbers that are a registry's own, such as epochs, differ
    between the sides; so a write names them by their place in these lists.

    Attributes:
        registry: which is written to next.
        held: all assignments of each particle; the first is none.
        stars: all announced records of each star; the first was never announced.
        grants: ids of the grants; the first was never given.
    """

    registry: Registry
    held: dict[Point, list[Assignment | None]] = attrs.field(factory=lambda: {point: [None] for point in POINTS})
    stars: dict[StarKey, list[StarRecord]] = attrs.field(
        factory=lambda: {key: [StarRecord(key, "Fold", "kit")] for key in STARS}
    )
    grants: list[int] = attrs.field(factory=lambda: [10**6])


Write: TypeAlias = Callable[[Side], Awaitable[Any]]


def plain(record: ParticleRecord) -> ParticleRecord:
    """Returns ``record`` without the numbers that are a registry's own."""
    held = record.assignment
    return attrs.evolve(
        record, properties=dict(record.properties), assignment=held and attrs.evolve(held, incarnation=0, epoch=0)
    )


def plain_star(star: StarRecord) -> StarRecord:
    """Returns ``star`` without its incarnation, which is a registry's own."""
    return attrs.evolve(star, incarnation=0)


def _register(chance: random.Random) -> tuple[str, Write]:
    point, strategy = chance.choice(POINTS), chance.choice(list(Strategy))
    kind, state = chance.choice((BASE, BASE, USER)), chance.choice((None, b"first"))
    values = {"x": PropertyValue("1")} if chance.random() < 0.5 else {}
    wanted = Registration(point, kind, HYPERUSER, values, strategy=strategy, state=state)

    async def write(side: Side) -> object:
        registered = await side.registry.register(wanted)
        return plain(registered.record), registered.created

    return f"register {point} {kind} {strategy.value}", write


def _set_status(chance: random.Random) -> tuple[str, Write]:
    point, status = chance.choice(POINTS), chance.choice((Status.READY, Status.PAUSED, Status.PANIC))
    return f"set_status {point} {status.value}", lambda side: side.registry.set_status(point, status)


def _set_properties(chance: random.Random) -> tuple[str, Write]:
    points = chance.sample(POINTS, chance.choice((1, 1, 2)))
    key = chance.choice(("x", "X", "y"))
    change = chance.choice((SetProperty(key, str(chance.randrange(3))), UnsetProperty(key)))
    return (
        f"set_properties {' '.join(point.text for point in points)} {change}",
        lambda side: side.registry.set_properties(points, [change]),
    )


def _chown(chance: random.Random) -> tuple[str, Write]:
    point, owner = chance.choice(POINTS), chance.choice((HYPERUSER, at("localhost:scott")))
    return f"chown {point} {owner}", lambda side: side.registry.chown([point], owner)


def _delete(chance: random.Random) -> tuple[str, Write]:
    point = chance.choice(POINTS)

    async def write(side: Side) -> object:
        return [plain(record) for record in await side.registry.delete([point])]

    return f"delete {point}", write


def _sequence(chance: random.Random) -> tuple[str, Write]:
    point = chance.choice(POINTS)
    return f"sequence {point}", lambda side: side.registry.sequence(point)


def _assign(chance: random.Random) -> tuple[str, Write]:
    point, key = chance.choice(POINTS), chance.choice(STARS)
    back, star_back = chance.choice((0, 0, 0, 1, 2)), chance.choice((0, 0, 0, 0, 1))

    async def write(side: Side) -> object:
        held, stars = side.held[point], side.stars[key]
        star = stars[max(len(stars) - 1 - star_back, 0)]
        present = (await side.registry.records((point,))).get(point)
        as_read = None if present is None else present.assignment
        expected = held[max(len(held) - back, 0)] if back else as_read
        assigned = await side.registry.assign(point, key, star.incarnation, expected)
        before = [assignment.epoch for assignment in held if assignment is not None]
        held.append(assigned.assignment)
        return assigned.state, assigned.assignment.star, assigned.assignment.epoch > max(before, default=-1)

    return f"assign {point} {key}, {('as read', 'as assigned last', 'as assigned before that')[back]}", write


def _release(chance: random.Random) -> tuple[str, Write]:
    point, back = chance.choice(POINTS), chance.choice((1, 1, 2))

    async def write(side: Side) -> object:
        held = side.held[point][max(len(side.held[point]) - back, 0)]
        if held is not None:
            await side.registry.release([(point, held)])
        return None

    return f"release {point}, {'the last' if back == 1 else 'an earlier'} assignment", write


def _save(chance: random.Random) -> tuple[str, Write]:
    point, back, state = chance.choice(POINTS), chance.choice((1, 1, 2)), b"%d" % chance.randrange(100)
    announce = chance.random() < 0.5

    async def write(side: Side) -> object:
        held = side.held[point][max(len(side.held[point]) - back, 0)]
        if held is not None:
            await side.registry.save_state(point, held, state, announce=announce)
        return None

    return f"save_state {point}, by {'the last' if back == 1 else 'an earlier'} assignment", write


def _announce(chance: random.Random) -> tuple[str, Write]:
    key, machine = chance.choice(STARS), chance.choice(("kit", "kit", "kit", "other"))
    facts = str(chance.randrange(3))

    async def write(side: Side) -> object:
        star = await side.registry.announce(StarRecord(key, "Fold", machine, facts=facts))
        side.stars[key].append(star)
        return plain_star(star), star.incarnation > side.stars[key][-2].incarnation

    return f"announce {key} by {machine}", write


def _on_a_star(what: str, chance: random.Random, **changed: Any) -> tuple[str, Write]:
    key, back = chance.choice(STARS), chance.choice((1, 1, 1, 2))
    renewals = chance.random() < 0.7

    async def write(side: Side) -> object:
        star = side.stars[key][max(len(side.stars[key]) - back, 0)]
        present = await side.registry.stars((key,))
        if renewals and present:
            star = attrs.evolve(star, renewals=present[0].renewals)
        if what == "expire":
            return await side.registry.expire(star)
        return await getattr(side.registry, what)([attrs.evolve(star, **changed)])

    return f"{what} {key}, {'the last' if back == 1 else 'an earlier'} incarnation", write


def _renew(chance: random.Random) -> tuple[str, Write]:
    changed = {"particles": chance.randrange(9), "draining": chance.random() < 0.5, "kinds": ("Base",)}
    return _on_a_star("renew", chance, **changed)


def _withdraw(chance: random.Random) -> tuple[str, Write]:
    return _on_a_star("withdraw", chance)


def _expire(chance: random.Random) -> tuple[str, Write]:
    return _on_a_star("expire", chance)


def _grant(chance: random.Random) -> tuple[str, Write]:
    text = chance.choice(_GRANTS)

    async def write(side: Side) -> object:
        grant = await side.registry.grant(AccessGrant.parse(text))
        side.grants.append(grant.id)
        return attrs.evolve(grant, id=0)

    return f"grant {text}", write


def _revoke(chance: random.Random) -> tuple[str, Write]:
    back = chance.randrange(1, 4)

    async def write(side: Side) -> object:
        revoked = await side.registry.revoke(side.grants[max(len(side.grants) - back, 0)])
        return attrs.evolve(revoked, id=0)

    return "revoke a grant", write


def _add_token(chance: random.Random) -> tuple[str, Write]:
    digest, label = chance.choice(DIGESTS), chance.choice(("", "x", "X"))
    token = TokenRecord(digest, at("localhost:scott"), label)
    return f"add_token {digest!r} {label!r}", lambda side: side.registry.add_token(token)


def _revoke_token(chance: random.Random) -> tuple[str, Write]:
    digest = chance.choice(DIGESTS)
    return f"revoke_token {digest!r}", lambda side: side.registry.revoke_token(digest)


def _set_keys(chance: random.Random) -> tuple[str, Write]:
    keys = [
        MachineKey("alpha", "one", chance.choice(("key", "KEY", "key ")), admitted=chance.random() < 0.7),
        MachineKey("beta", chance.choice(("one", "One")), "other"),
        MachineKey("gamma", chance.choice(("one", "One")), "other"),
    ]
    invitation = chance.choice((None, None, "digest", "Digest"))
    return f"set_machine_keys with {invitation}", lambda side: side.registry.set_machine_keys(
        keys, invitation=invitation
    )


def _invite(chance: random.Random) -> tuple[str, Write]:
    digest = chance.choice(("digest", "Digest"))
    return f"add_invitation {digest}", lambda side: side.registry.add_invitation(digest, 3600.0)


WRITES: Final[tuple[Callable[[random.Random], tuple[str, Write]], ...]] = (
    *(_register, _assign, _announce) * 3,
    *(_save, _release, _renew, _set_properties) * 2,
    _set_status,
    _chown,
    _delete,
    _sequence,
    _withdraw,
    _expire,
    _grant,
    _revoke,
    _add_token,
    _revoke_token,
    _set_keys,
    _invite,
)
