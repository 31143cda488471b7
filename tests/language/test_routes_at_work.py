"""Which route of a bind takes a wave."""

from __future__ import annotations

import pytest

from hyperverse_core import Machine, Point
from language.conftest import World, bind

SCRIBES = ("create localhost<Space>", *(f"create localhost:{name}<Scribe>" for name in ("a", "b", "c")))


async def app(world: World, routes: str) -> None:
    """An App with these routes, and Scribes for them to lead to."""
    await world(*SCRIBES, f"create localhost:app<App>{{ +bind={bind(routes)}, +config=localhost:a }}")


async def where(machine: Machine, method: str, path: str = "/", *, topic: str = "") -> str:
    """Name of the Scribe that a wave to the App has reached; the status when it has reached none."""
    reply = await machine.client().ping("localhost:app", method, path=path, topic=topic)
    return reply.body["at"].removeprefix("localhost:") if reply.ok else str(reply.status)


async def test_an_app_without_code_is_its_routes(machine: Machine, world: World) -> None:
    await app(world, "Route<Http<Get>>/users/(?P<user>[^/]+) -> localhost:${user} => &;")
    assert await where(machine, "Http<Get>", "/users/b") == "b"
    assert await where(machine, "Http<Get>", "/users/c/pictures") == "c"
    assert await where(machine, "Http<Post>", "/users/b") == "404"
    assert await where(machine, "Http<Get>", "/old/users/b") == "404"


async def test_the_first_route_in_the_document_that_fits_takes_the_wave(machine: Machine, world: World) -> None:
    await app(
        world,
        """
        Route<Http<Get>>/first -> localhost:a => &;
        Route<Http<*>> -> localhost:b => &;
        Route<*<*>> -> localhost:c => &;
        """,
    )
    assert await where(machine, "Http<Get>", "/first") == "a"
    assert await where(machine, "Http<Get>", "/second") == "b"
    assert await where(machine, "Http<Delete>", "/first") == "b"
    assert await where(machine, "Ext<First>", "/first") == "c"


async def test_a_scope_in_which_nothing_fits_does_not_keep_the_wave(machine: Machine, world: World) -> None:
    await app(
        world,
        """
        Route/shop -> {
          Http -> {
            Get/shop/open -> localhost:a => &;
          }
        }
        Route<Http<Get>>/shop -> localhost:b => &;
        """,
    )
    assert await where(machine, "Http<Get>", "/shop/open") == "a"
    assert await where(machine, "Http<Get>", "/shop/shut") == "b"


async def test_captures_of_all_scopes_around_a_pipeline_are_its_variables(machine: Machine, world: World) -> None:
    await app(
        world,
        """
        Route/(?P<space>[a-z]+) -> {
          Http/[a-z]+/(?P<who>[a-z]+) -> {
            Get/[a-z]+/[a-z]+/(?P<what>[a-z]+) -> ${space}:${who}^Ext<Show>/${what} => &;
          }
        }
        """,
    )
    reply = await machine.client().ping("localhost:app", "Http<Get>", path="/localhost/b/pictures")
    assert (reply.body["at"], reply.body["method"], reply.body["path"]) == ("localhost:b", "Ext<Show>", "/pictures")


async def test_a_family_that_is_left_open_keeps_the_method(machine: Machine, world: World) -> None:
    await app(world, "Route<*<Get>> -> localhost:a => &; Route<*<Show>> -> localhost:b => &;")
    assert await where(machine, "Http<Get>") == "a"
    assert await where(machine, "Ext<Get>") == "a"
    assert await where(machine, "Ext<Show>") == "b"
    assert await where(machine, "Http<Put>") == "404"


async def test_a_topic_chooses_the_route(machine: Machine, world: World) -> None:
    await app(
        world,
        """
        [Topic<Cli>]::Route<Ext<X>> -> localhost:a => &;
        Route<Ext<X>> -> localhost:b => &;
        """,
    )
    assert await where(machine, "Ext<X>", topic="Topic<Cli>") == "a"
    assert await where(machine, "Ext<X>") == "b"


async def test_a_filter_looks_at_who_asks(machine: Machine, world: World) -> None:
    await app(
        world, "Route<Ext<X>>(auth localhost:users) -> localhost:a => &; Route<Ext<X>>(auth) -> localhost:b => &;"
    )
    await world("create localhost:users<UserBase<Keycloak>>", "create localhost:users:ann<User>")
    ann = Point.parse("localhost:users:ann")
    # Its bind acts in the name of the app, which may use what has the same owner.
    await machine.registry.chown([Point.parse(f"localhost:{name}") for name in ("app", "a", "b")], ann)
    assert (await machine.client(ann.text).ask("localhost:app", "Ext<X>"))["at"] == "localhost:a"
    assert await where(machine, "Ext<X>") == "b"


@pytest.mark.parametrize("method", ["Cmd<Bounce>", "Cmd<Read>"])
async def test_what_every_particle_answers_is_answered_by_one_without_routes(
    machine: Machine, world: World, method: str
) -> None:
    await app(world, "")
    assert (await machine.client().ping("localhost:app", method)).ok
    assert await where(machine, "Ext<X>") == "404"
