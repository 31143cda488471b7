"""Commands that take a selector: what they do, they do to everything that matches, or to nothing."""

from __future__ import annotations

import asyncio

import pytest

from hyperverse_core import Machine, Point
from language.conftest import Run, World

ANN = "localhost:users:ann"
GARDEN = (
    "create localhost<Space>",
    "create localhost:users<UserBase<Keycloak>>",
    f"create {ANN}<User>",
    "create localhost:bed<Base>",
    "create localhost:bed:rose<Scribe>",
    "create localhost:bed:iris<Scribe>{ +note=blue }",
    "create localhost:bed:soil<Base>",
    "create localhost:fern<Scribe>",
)


async def notes(run: Run) -> dict[str, str | None]:
    """The property ``note`` of every Scribe, by name."""
    points = (await run("select +:**<Scribe> into points"))[0].body["items"]
    return {point.rpartition(":")[2]: (await run(f"get {point}{{ note }}"))[0].body["note"] for point in points}


async def owned_by_ann(machine: Machine, *points: str) -> None:
    await machine.registry.chown([Point.parse(point) for point in points], Point.parse(ANN))
    await asyncio.sleep(0.1)  # until the machine has heard of it


async def test_set_changes_everything_that_matches(run: Run, world: World) -> None:
    await world(*GARDEN)
    (result,) = await run("set localhost:bed:**<Scribe>{ +note=wet, +size=3 }")
    assert result.status == 200
    assert [changed["point"] for changed in result.body["changed"]] == ["localhost:bed:iris", "localhost:bed:rose"]
    assert await notes(run) == {"rose": "wet", "iris": "wet", "fern": None}
    assert (await run("set localhost:bed+:**<Scribe>{ !note }"))[0].status == 400  # it takes the bed, which has none


async def test_set_takes_more_than_one_page(run: Run, world: World) -> None:
    await world("create localhost<Space>", ";".join(["create localhost:s-%<Scribe>"] * 1_050) + ";")
    (result,) = await run("set localhost:*<Scribe>{ +note=all }")
    assert len(result.body["changed"]) == 1_050
    (page,) = await run("select localhost:*<Scribe>")
    assert (len(page.body["items"]), page.body["after"]) == (1_000, page.body["items"][-1]["point"])


async def test_set_changes_nothing_when_one_is_locked(run: Run, world: World) -> None:
    await world(*GARDEN, "set localhost:bed:rose{ +@note=for-ever }")
    (result,) = await run("set localhost:**<Scribe>{ +size=1, +note=other }")
    assert (result.status, "localhost:bed:rose" in result.error) == (409, True), result.error
    assert await notes(run) == {"rose": "for-ever", "iris": "blue", "fern": None}
    assert (await run("get localhost:fern{}"))[0].body == {}


async def test_set_changes_nothing_when_one_kind_does_not_take_it(run: Run, world: World) -> None:
    await world(*GARDEN)
    (result,) = await run("set localhost:bed:*{ +note=other }")
    assert result.status == 400
    assert result.error.startswith("'localhost:bed:soil', a Base: no property 'note'")
    assert await notes(run) == {"rose": None, "iris": "blue", "fern": None}


async def test_set_asks_for_every_one_before_it_changes_any(machine: Machine, run: Run, world: World) -> None:
    await world(*GARDEN)
    await owned_by_ann(machine, "localhost:bed:rose")
    await run(f"grant perm +cSd-rwx on localhost+:** to {ANN}")  # the others are not hidden from her
    (result,) = await run("set localhost:bed:*<Scribe>{ +note=hers }", agent=ANN)
    assert (result.status, "localhost:bed:iris" in result.error) == (403, True), result.error
    assert await notes(run) == {"rose": None, "iris": "blue", "fern": None}
    await owned_by_ann(machine, "localhost:bed:iris")
    assert (await run("set localhost:bed:*<Scribe>{ +note=hers }", agent=ANN))[0].ok
    assert await notes(run) == {"rose": "hers", "iris": "hers", "fern": None}


async def test_delete_asks_for_every_one_before_it_deletes_any(machine: Machine, run: Run, world: World) -> None:
    await world(*GARDEN)
    await owned_by_ann(machine, "localhost:bed", "localhost:bed:rose", "localhost:bed:iris")
    await run(f"grant perm +cSd-rwx on localhost+:** to {ANN}")  # the others are not hidden from her
    assert (await run("delete localhost:**<Scribe>", agent=ANN))[0].status == 403
    assert set(await notes(run)) == {"rose", "iris", "fern"}
    (result,) = await run("delete localhost:bed:*", agent=ANN)
    assert {gone["point"] for gone in result.body["deleted"]} == {
        f"localhost:bed:{n}" for n in ("iris", "rose", "soil")
    }


async def test_delete_takes_what_lies_below(run: Run, world: World) -> None:
    await world(*GARDEN)
    (result,) = await run("delete localhost:bed")
    assert {gone["point"].rpartition(":")[2] for gone in result.body["deleted"]} == {"bed", "iris", "rose", "soil"}
    assert set(await notes(run)) == {"fern"}
    assert (await run("ping localhost:bed:rose"))[0].status == 404


@pytest.mark.parametrize("command", ["set localhost:**<App>{ +note=x }", "delete localhost:**<App>"])
async def test_nothing_that_matches_is_an_error(run: Run, world: World, command: str) -> None:
    await world(*GARDEN)
    (result,) = await run(command)
    assert (result.status, result.error) == (404, "nothing matches 'localhost:**<App>'")


async def test_select_shows_what_one_may_see(machine: Machine, run: Run, world: World) -> None:
    await world(*GARDEN)
    await owned_by_ann(machine, "localhost:bed")
    (result,) = await run("select localhost:** into points", agent=ANN)
    assert result.body["items"] == ["localhost:bed:iris", "localhost:bed:rose", "localhost:bed:soil"]
    assert (await run("select localhost:*", agent=ANN))[0].body["items"] == []


async def test_a_secret_is_never_answered(run: Run, world: World) -> None:
    await world(*GARDEN)
    (result,) = await run("set localhost:fern{ +key=sesame, +note=x }")
    assert result.body == {"point": "localhost:fern", "properties": {"note": "x"}}
    assert (await run("get localhost:fern{}"))[0].body == {"note": "x"}
    assert (await run("get localhost:fern{ key }"))[0].status == 400


async def test_a_change_of_many_reaches_those_that_live(machine: Machine, run: Run, world: World) -> None:
    await world(*GARDEN)
    for name in ("bed:rose", "bed:iris"):
        assert (await machine.client().ask(f"localhost:{name}", "Ext<X>"))["at"] == f"localhost:{name}"
    await world("set localhost:bed:*<Scribe>{ +bind='Bind(version=1.0.0) { Route<Ext<X>> -> localhost:fern => &; }' }")
    for name in ("bed:rose", "bed:iris"):
        assert (await machine.client().ask(f"localhost:{name}", "Ext<X>"))["at"] == "localhost:fern"
