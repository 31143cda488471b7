"""Tests of the texts that a registry stores: any in properties, all but two sorts of characters elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from typing import Any

import attrs
import pytest

from ...contracts.registry import MachineKey, PropertyValue, Registration, Registry, TokenRecord
from ...errors import BadRequest, NotFound
from ...universe.address.point import HYPERUSER
from ...universe.kind_defs.properties import SetProperty, UnsetProperty
from .fixture_tree import SPACE, RegistryKitBase, at, fold, populate, snapshot

__all__ = ["Texts"]

_KEPT = (
    "",
    "\\u0000 \\ud800",
    "\x01\t\r\n\x7f\x85\u2028",
    "'\"%_\\{}[]$1?:x",
    "e\u0301 \u00e9",
    "\ufffe\uffff\U0010ffff",
    " a ",
)
"""Texts that are easily changed on the way, and that every registry stores in all fields."""
_NOT_KEPT = ("a\0b", "\0", "a\ud800b", "\udc00", "\udc00\ud800", "\ud83d \ude00")
"""Texts that are stored in properties only: UTF-8 has no halves of surrogate pairs, and some databases have no NUL."""
_ALIKE = ("a", "A", "a ", "\u00e4", "a\u0308", "\u00c4", "\u00df", "ss")
"""Texts that a database may take for the same, because of capitals, blanks, or how letters are composed."""
_TOKEN = TokenRecord("ab", at("localhost:users:scott"), "laptop", "None", 1.5, 2.5)
_KEY = MachineKey("alpha", "one", "key of alpha")


class Texts(RegistryKitBase):
    """A test group of :class:`~hyperverse_core.testing.RegistryConformance`."""

    async def test_properties_are_any_text(self, registry: Registry) -> None:
        for number, text in enumerate((*_KEPT, *_NOT_KEPT)):
            point = at(f"localhost{number}")
            await registry.register(Registration(point, SPACE, HYPERUSER, {text: PropertyValue(text)}))
            assert dict((await registry.record(point)).properties) == {text: PropertyValue(text)}
            await registry.set_properties([point], [SetProperty(f"x{text}", text, lock=True), UnsetProperty(text)])
            assert dict((await registry.record(point)).properties) == {f"x{text}": PropertyValue(text, locked=True)}
            assert await registry.replace_values(point, {f"x{text}": (text, f"{text}.{text}")})
            assert (await registry.record(point)).properties[f"x{text}"].value == f"{text}.{text}"

    async def test_other_texts_come_back_as_they_were(self, registry: Registry) -> None:
        for text in _KEPT:
            token = attrs.evolve(_TOKEN, digest=text, label=text, scope=text)
            await registry.add_token(token)
            assert await registry.token(text) == token
            assert await registry.revoke_token(text)
            key = MachineKey(text, text, text)
            await registry.add_invitation(text, 3600.0)
            await registry.set_machine_keys([key], invitation=text)
            assert key in await registry.machine_keys()
            star = attrs.evolve(fold(), kind=text, address=text, server_key=text, facts=text)
            star = await registry.announce(attrs.evolve(star, machine=text, kinds=(text, "x"), links=("x", text)))
            assert await registry.stars([star.key]) == [star]
            await registry.renew([star])
            assert await registry.stars([star.key]) == [attrs.evolve(star, renewals=1)]
            await registry.withdraw([star])

    async def test_texts_that_differ_in_little_are_different(self, registry: Registry) -> None:
        await registry.register(Registration(at("localhost"), SPACE, HYPERUSER))
        tokens = [attrs.evolve(_TOKEN, digest=text, label=text) for text in _ALIKE]
        keys = [MachineKey("alpha", transport, text) for text in _ALIKE for transport in ("one", "One")]
        for token in tokens:
            await registry.add_token(token)
            await registry.add_invitation(token.digest, 3600.0)
        for text in _ALIKE:
            await registry.set_properties([at("localhost")], [SetProperty(text, text)])
            await registry.set_machine_keys([key for key in keys if key.key == text], invitation=text)
        assert await registry.tokens() == sorted(tokens, key=lambda token: (token.label, token.digest))
        assert [await registry.token(text) for text in _ALIKE] == tokens
        assert await registry.machine_keys() == sorted(keys, key=lambda key: (key.transport, key.key))
        found = dict((await registry.record(at("localhost"))).properties)
        assert found == {text: PropertyValue(text) for text in _ALIKE}
        assert await registry.revoke_token(_ALIKE[0])
        assert [await registry.token(text) for text in _ALIKE] == [None, *tokens[1:]]

    async def test_a_text_that_not_every_registry_can_keep_is_refused_by_all(self, registry: Registry) -> None:
        await populate(registry, "localhost<Space>")
        star = await registry.announce(fold())
        before = await snapshot(registry)
        for text in _NOT_KEPT:
            for field, write in _writes(registry, star, text):
                with pytest.raises(BadRequest) as refused:
                    await write
                assert field in refused.value.message
        assert await snapshot(registry) == before
        assert (await registry.tokens(), await registry.machine_keys()) == ([], [])

    async def test_a_look_up_of_such_a_text_finds_nothing(self, registry: Registry) -> None:
        await registry.add_token(_TOKEN)
        for text in _NOT_KEPT:
            assert await registry.token(text) is None
            assert not await registry.revoke_token(text)
            with pytest.raises(NotFound, match="invitation"):
                await registry.set_machine_keys([_KEY], invitation=text)
            for field in ("machine", "transport", "key"):
                removed = attrs.evolve(_KEY, admitted=False, **{field: text})
                await registry.set_machine_keys([removed])
        assert await registry.tokens() == [_TOKEN]
        assert await registry.machine_keys() == []


def _writes(registry: Registry, star: Any, text: str) -> Iterator[tuple[str, Awaitable[Any]]]:
    """Every write that takes a text as it is, with ``text`` in one of its fields."""

    def given(record: Any, field: str, value: object = text) -> Any:
        return attrs.evolve(record, **{field: value})

    for field in ("digest", "label", "scope"):
        yield field, registry.add_token(given(_TOKEN, field))
    for field in ("machine", "transport", "key"):
        yield field, registry.set_machine_keys([_KEY, given(_KEY, field)])
    yield "digest", registry.add_invitation(text, 3600.0)
    for field in ("kind", "machine", "address", "server_key", "facts"):
        yield field, registry.announce(given(star, field))
    for field in ("address", "server_key", "facts"):
        yield field, registry.renew([given(star, field)])
    for field in ("kinds", "links"):
        changed = given(star, field, ("x", text))
        yield field, registry.announce(changed)
        yield field, registry.renew([changed])
