"""The property ``bind``: a text, or a particle that has one."""

from __future__ import annotations

import asyncio

import pytest

from hyperverse_core import Machine
from hyperverse_core.universe.kind_defs.properties import PropertyPattern
from language.conftest import Run, World, bind

TO_A = "Bind(version=1.0.0) { Route<Ext<X>> -> localhost:a => &; }"
TO_B = "Bind(version=1.0.0) { Route<Ext<X>> -> localhost:b => &; }"
SCRIBES = ("create localhost<Space>", "create localhost:a<Scribe>", "create localhost:b<Scribe>")


async def where(machine: Machine, point: str) -> str:
    told = await machine.client().ask(point, "Ext<X>")
    return str(told["at"])


@pytest.mark.parametrize(
    "text",
    [
        "Bind(version=1.0.0) { }",
        "\n  # a comment first\n  Bind(version=1.0.0)\n{\n}\n",
        TO_A,
        "localhost:app",
        "localhost:repo:1.0.0:/bind/app.bind",
    ],
)
def test_a_bind_or_a_point_fits(text: str) -> None:
    assert PropertyPattern.BIND.fits(text)


@pytest.mark.parametrize("text", ["", "Localhost", "..", "Bind", "Bind(version=2.0.0) { }", TO_A + " more", "{ }"])
def test_anything_else_does_not(text: str) -> None:
    assert not PropertyPattern.BIND.fits(text)


@pytest.mark.parametrize("kind", ["App", "Mechtron", "Space"])
def test_standard_kinds_take_both(kind: str) -> None:
    from hyperverse_core.universe.kind_defs.standard_kinds import STANDARD_KINDS

    definition = STANDARD_KINDS[kind].properties.get("bind")
    assert definition is not None and definition.pattern is PropertyPattern.BIND


async def test_a_bind_of_several_lines_with_quotes_in_it_arrives_as_it_was_written(run: Run, world: World) -> None:
    text = 'Bind(version=1.0.0) {\n  # it\'s "quoted"; and commented\n  Route<Ext<X>>/\\d+ -> (()) => &;\n}'
    escaped = text.replace("'", "\\'")
    await world("create localhost<Space>", f"create localhost:app<App>{{ +bind='{escaped}', +config=localhost }}")
    assert (await run("get localhost:app{ bind }"))[0].body == {"bind": text}


async def test_a_space_has_routes_too(machine: Machine, world: World) -> None:
    await world(f"create localhost<Space>{{ +bind={bind('Route<Ext<X>> -> localhost:a => &;')} }}", *SCRIBES[1:])
    assert await where(machine, "localhost") == "localhost:a"


async def test_a_wrong_bind_is_refused_before_anything_is_created(run: Run, world: World) -> None:
    await world(*SCRIBES)
    (result,) = await run(
        """
        create localhost:app<App>{ +config=localhost, +bind='Bind(version=1.0.0) {
          Route<Ext<X>> -> localhost:A => &;
        }' }
        """
    )
    assert (result.status, result.line, result.column) == (400, 2, 9)
    assert result.error.startswith("the bind in 'bind' is wrong: line 2, column 38: unexpected 'A")
    assert "expected a segment such as app" in result.error
    line, caret = result.body["caret"].splitlines()
    assert line[caret.index("^")] == "A"
    assert (await run("get localhost:app"))[0].status == 404


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("Localhost", "'bind' cannot be 'Localhost': it must be a point, or Bind(version=1.0.0) { ... }"),
        ("'Bind(version=9.0.0) { }'", "the bind in 'bind' is wrong: line 1, column 14: unknown version '9.0.0'"),
        ("'Bind(version=1.0.0) { } x'", "line 1, column 25: unexpected 'x'; expected the end"),
    ],
)
async def test_a_bind_that_is_set_later_is_checked_too(run: Run, world: World, value: str, said: str) -> None:
    await world(*SCRIBES)
    (result,) = await run(f"set localhost:a{{ +bind={value}, +note=x }}")
    assert (result.status, said in result.error) == (400, True), result.error
    assert (await run("get localhost:a{}"))[0].body == {}


async def test_every_fault_of_the_properties_is_told_with_that_of_the_bind(run: Run, world: World) -> None:
    await world(*SCRIBES)
    (result,) = await run("set localhost:a{ +bind='Bind', +size=small, +colour=red }")
    for fault in ("the bind in 'bind' is wrong", "'size' cannot be 'small'", "no property 'colour'"):
        assert fault in result.error


async def test_a_bind_that_many_name_is_read_once_and_again_when_it_changes(
    machine: Machine, run: Run, world: World
) -> None:
    await world(*SCRIBES, "create localhost:page<Page>", f"write localhost:page '{TO_A}'")
    await world(*(f"create localhost:front{n}<Scribe>{{ +bind=localhost:page }}" for n in range(3)))
    for _ in range(5):
        assert [await where(machine, f"localhost:front{n}") for n in range(3)] == ["localhost:a"] * 3
    assert (await run("ping localhost:page Ext<Reads>"))[0].body == 1
    await world(f"write localhost:page '{TO_B}'")
    await asyncio.sleep(0.1)
    assert [await where(machine, f"localhost:front{n}") for n in range(3)] == ["localhost:b"] * 3
    assert (await run("ping localhost:page Ext<Reads>"))[0].body == 2


async def test_a_bind_follows_its_property(machine: Machine, world: World) -> None:
    await world(*SCRIBES, f"create localhost:front<Scribe>{{ +bind='{TO_A}' }}")
    assert await where(machine, "localhost:front") == "localhost:a"
    await world(f"set localhost:front{{ +bind='{TO_B}' }}")
    assert await where(machine, "localhost:front") == "localhost:b"
    await world("create localhost:page<Page>", f"write localhost:page '{TO_A}'")
    await world("set localhost:front{ +bind=localhost:page }")
    assert await where(machine, "localhost:front") == "localhost:a"
    await world("set localhost:front{ !bind }")
    assert await where(machine, "localhost:front") == "localhost:front"


async def test_a_bind_that_is_wrong_where_it_is_read_says_so_and_is_read_again(machine: Machine, world: World) -> None:
    await world(*SCRIBES, "create localhost:page<Page>", "write localhost:page 'Bind(version=1.0.0) { Rout }'")
    await world("create localhost:front<Scribe>{ +bind=localhost:page }")
    reply = await machine.client().ping("localhost:front", "Ext<X>")
    assert reply.status == 400
    assert reply.error.startswith("the bind of 'localhost:front' is wrong: line 1, column 28: unexpected '}'")
    await world(f"write localhost:page '{TO_A}'")
    assert await where(machine, "localhost:front") == "localhost:a"
