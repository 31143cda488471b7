"""The guest book of the tutorial in a real browser: whoever looks sees others sign, without loading the page again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from hyperverse_core import BlockingClient
from no_skips import NO_BROWSER
from patience import PATIENCE
from portal.browser import AXE, CHROMIUM, Eyes, Machines, chromium, playwright_is_there

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(not (CHROMIUM and AXE.is_file() and playwright_is_there()), reason=NO_BROWSER),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # of playwright's own pipes
]
TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial" / "guest-book.md"
EVERYBODY = "grant perm +csd-RwX on localhost:book to hyperspace:users:anonymous"


def written(name: str) -> str:
    """A file of the tutorial."""
    found = re.search(rf"```\w+ file={re.escape(name)}\n(.*?)```", TUTORIAL.read_text("utf-8"), re.DOTALL)
    assert found is not None, name
    return found[1]


@attrs.define
class World:
    """A machine with the book, and a browser."""

    client: BlockingClient
    browser: Any
    address: str
    link: str


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    (tmp_path / "hyperverse.toml").write_text(written("hyperverse.toml").replace(":18081", ":0"))
    (tmp_path / "hyperverse_local.py").write_text(written("hyperverse_local.py"))
    machines = Machines(tmp_path)
    try:
        said = machines.start("one")
        with BlockingClient(machines.data_dir, machine="one") as client, chromium() as browser:
            client.exec(f"create localhost<Space>; create localhost:book<GuestBook>; {EVERYBODY}")
            address = said["gateways"]["portal"].removesuffix("-/")
            yield World(client, browser, address, said["invitations"]["portal"])
    finally:
        machines.end()


def opened(world: World) -> Eyes:
    """One who looks, and whose stream has begun."""
    eyes = Eyes(world.browser, world.address)
    with eyes.page.expect_response(lambda answer: "/-/events" in answer.url and answer.status == 200):
        eyes.go("")
    return eyes


def sees(eyes: Eyes, *names: str) -> None:
    """Waits until the list has these names, the last one first."""
    from playwright.sync_api import expect

    expect(eyes.page.frame_locator("iframe").locator("li")).to_have_text(list(names), timeout=PATIENCE * 1000)


def test_who_looks_sees_others_sign(world: World) -> None:
    ann, bea = opened(world), opened(world)
    ann.page.evaluate("window.stays = true")
    bea.page.fill("input", "<b>Bea</b>")
    bea.page.click("button")
    sees(ann, "<b>Bea</b>")
    sees(bea, "<b>Bea</b>")
    world.client.ping("localhost:book", "Http<Post>", b"name=Cid", path="/sign")
    sees(ann, "Cid", "<b>Bea</b>")
    assert ann.page.evaluate("window.stays") is True, "the page was not loaded again"
    assert (ann.foreign, ann.errors, bea.errors) == ([], [], [])


def test_a_script_of_the_page_cannot_use_the_login_of_who_looks(world: World) -> None:
    owner = Eyes(world.browser, world.address)
    owner.page.goto(world.link)
    owner.page.click("button")
    owner.page.wait_for_selector("nav")
    owner.go("")
    for path in ("-/api/kinds", "-/events?point=hyperspace:users&aspect=State", "-/events?point=localhost:book"):
        read = f"fetch('{path}', {{credentials: 'include'}}).then(() => 'read', () => 'kept')"
        assert owner.page.evaluate(read) == "kept", path
