"""What a ``delete`` with a pattern leaves: the users, and the user who deletes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hyperverse_core import Machine

START = Callable[..., Awaitable[Machine]]
ANN, BOB = "hyperspace:users:ann", "localhost:people:bob"
OWNER = "hyperspace:users:hyperuser"


@pytest.fixture
async def peopled(machine: Machine) -> Machine:
    await machine.client().exec(
        "create? hyperspace<Space>; create? hyperspace:users<UserBase<OAuth>>;"
        f"create {ANN}<User>; create localhost<Space>; create localhost:people<UserBase<OAuth>>; create {BOB}<User>;"
        "create localhost:a<Base>; create localhost:people:eve<User>",
    )
    return machine


async def body(machine: Machine, command: str, agent: str = OWNER) -> Any:
    (result,) = await machine.client(agent).exec(command, check=False)
    assert result.ok, result.error
    return result.body


async def points(machine: Machine) -> set[str]:
    return set((await body(machine, "select ** into points"))["items"])


@pytest.mark.parametrize("pattern", ["**", "*", "hyperspace+:**", "**<User>", "*:users", "hyperspace:*"])
async def test_a_pattern_deletes_no_users_by_accident(peopled: Machine, pattern: str) -> None:
    answer = await body(peopled, f"delete {pattern}")
    assert {"hyperspace", "hyperspace:users", ANN} <= await points(peopled)
    assert answer["kept"]


async def test_a_dry_run_tells_what_would_stay(peopled: Machine) -> None:
    answer = await body(peopled, "delete ** dry-run")
    assert "localhost:a" in {row["point"] for row in answer["would_delete"]}
    assert {"hyperspace:users", ANN} <= {row["point"] for row in answer["kept"]}
    assert not {"hyperspace:users", ANN} & {row["point"] for row in answer["would_delete"]}


@pytest.mark.parametrize("selector", ["hyperspace:users:*", "hyperspace:users:**<User>", ANN, "hyperspace:users"])
async def test_users_go_when_the_selector_begins_at_them(peopled: Machine, selector: str) -> None:
    assert "kept" not in await body(peopled, f"delete {selector}")
    assert ANN not in await points(peopled)


async def test_what_holds_the_users_is_not_deleted_with_them(peopled: Machine) -> None:
    (result,) = await peopled.client().exec("delete hyperspace", check=False)
    assert (result.status, "hyperspace:users" in result.error) == (409, True)
    await body(peopled, "delete hyperspace:users")
    await body(peopled, "delete hyperspace")


async def test_a_user_does_not_delete_itself_by_a_pattern(peopled: Machine) -> None:
    await body(peopled, f"grant super on localhost+:** to {BOB}")
    answer = await body(peopled, "delete localhost:**", BOB)
    assert {row["point"] for row in answer["deleted"]} == {"localhost:a", "localhost:people:eve"}
    assert {row["point"] for row in answer["kept"]} == {"localhost:people", BOB}
    (result,) = await peopled.client(BOB).exec("delete localhost:people", check=False)
    assert result.status == 409
    assert {row["point"] for row in (await body(peopled, f"delete {BOB}", BOB))["deleted"]} == {BOB}


async def test_a_user_deletes_others_with_a_pattern_that_spares_it(peopled: Machine) -> None:
    await body(peopled, f"grant super on hyperspace+:** to {ANN}")
    await body(peopled, "create hyperspace:users:joe<User>")
    answer = await body(peopled, "delete hyperspace:users:*", ANN)
    assert {row["point"] for row in answer["deleted"]} == {"hyperspace:users:joe"}
    assert {row["point"] for row in answer["kept"]} == {ANN}
