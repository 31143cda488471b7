"""A property with a rule: a value that breaks it is refused, and it comes back as the type that the rule says."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from fabric.driver_world import Plugin
from hyperverse_core import Ctx, Driver, KindDef, Particle, handler
from hyperverse_core.errors import BadRequest
from hyperverse_core.values import Expression, OneOf, PropertiesConfig, PropertyDef, Range


@attrs.define
class Shirt(Particle):
    @handler("Ext<Show>")
    async def show(self, ctx: Ctx) -> dict[str, Any]:
        return {key: one.value for key, one in (await ctx.properties()).items()}

    @handler("Ext<Copy>")
    async def copy(self, ctx: Ctx, colours: Any) -> str:
        made = await ctx.create(f"{ctx.point}-copy", "Shirt", {"colours": colours, "weight": 0.5})
        return made.properties["colours"].value


class ShirtDriver(Driver):
    kind = KindDef(
        "Shirt",
        properties=PropertiesConfig(
            [
                PropertyDef("size", "", OneOf("small", "large"), default="small"),
                PropertyDef("colours", "", Range(1, 9), default=1),
                PropertyDef("weight", "", Range(0.0, 2.0)),
                PropertyDef("code", "", Expression("[A-Z]{2}-[0-9]+", like="AB-1")),
                PropertyDef("sold", "", "Bool", default=False),
            ]
        ),
    )
    particle = Shirt


async def test_what_was_set_as_text_comes_back_typed(start_machine) -> None:
    client = (await start_machine(plugins=[Plugin(ShirtDriver)])).client()
    await client.exec("create localhost<Space>; create localhost:a<Shirt>{ +colours=3, +weight=0.25, +code=AB-7 }")
    is_now = {"size": "small", "colours": 3, "weight": 0.25, "code": "AB-7", "sold": False}
    assert await client.get("localhost:a", []) == is_now
    assert await client.ask("localhost:a", "Ext<Show>") == is_now
    assert await client.get("localhost:a", ["colours", "sold"]) == {"colours": 3, "sold": False}
    (changed,) = await client.set("localhost:a", {"colours": 4, "sold": True, "weight": None})
    assert changed["properties"] == {"size": "small", "colours": 4, "code": "AB-7", "sold": True}
    assert await client.get("localhost:a", ["weight"]) == {"weight": None}


@pytest.mark.parametrize(
    ("key", "value", "meant"),
    [
        ("size", "huge", "one of small, large"),
        ("colours", 10, "a whole number from 1 to 9"),
        ("weight", "heavy", "a number from 0.0 to 2.0"),
        ("code", "ab-1", "a text such as AB-1"),
    ],
)
async def test_a_value_that_breaks_its_rule_is_refused(start_machine, key: str, value: Any, meant: str) -> None:
    client = (await start_machine(plugins=[Plugin(ShirtDriver)])).client()
    await client.create("localhost", "Space")
    await client.create("localhost:a", "Shirt")
    with pytest.raises(BadRequest, match=f"{key!r} cannot be '{value}': it must be {meant}"):
        await client.set("localhost:a", {key: value})
    with pytest.raises(BadRequest, match=meant):
        await client.create("localhost:b", "Shirt", {key: value})


async def test_a_handler_creates_with_values_of_python(start_machine) -> None:
    client = (await start_machine(plugins=[Plugin(ShirtDriver)])).client()
    await client.create("localhost", "Space")
    await client.create("localhost:a", "Shirt")
    assert await client.ask("localhost:a", "Ext<Copy>", {"colours": 5}) == "5"
    reply = await client.ping("localhost:a", "Ext<Copy>", {"colours": [5]})
    assert (reply.status, "'colours' cannot be [5]" in reply.error) == (400, True), reply
