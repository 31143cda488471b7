"""What `status`, `stars`, `top` and the like look like at 80 columns, with and without colours.

The screens are kept in `tests/cli/screens`. After a change that is meant, write them anew:

    HYPERVERSE_WRITE_SCREENS=1 python -m pytest tests/cli/test_screens.py
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.conftest import COUNTER, detached, program
from cli.screens import WIDTH, masked, on_a_terminal, piped, width_of

pytestmark = pytest.mark.thorough

KEPT = Path(__file__).parent / "screens"
WRITE = bool(os.environ.get("HYPERVERSE_WRITE_SCREENS"))
SHELF = '''
from hyperverse_core.values import OneOf, PropertiesConfig, PropertyDef, Range


@attrs.define
class Shelf(Particle):
    """Where books stand."""

    books: dict[str, int] = attrs.field(factory=dict)

    @handler("Ext<Put>")
    async def put(self, ctx: Ctx, title: str, pieces: int = 1) -> dict[str, int]:
        """Puts books on the shelf."""
        raise RuntimeError("the shelf is full")

    @handler("Ext<Clear>", privilege="shelf:clear")
    async def clear(self, ctx: Ctx) -> None:
        """Takes all books away."""


class ShelfDriver(Driver):
    particle = Shelf
    kind = KindDef(
        "Shelf",
        doc="Where books stand",
        parents=("Space", "Base"),
        properties=PropertiesConfig(
            [
                PropertyDef("wood", "What it is made of", OneOf("oak", "pine"), default="pine"),
                PropertyDef("boards", "How many boards it has", Range(1, 12), default=5, mutable=False),
            ]
        ),
    )


@hookimpl(specname="hyperverse_register_drivers")
def shelves(register):
    register(ShelfDriver)
'''
MADE = (
    "create localhost<Space>; create localhost:hits<Counter>; create localhost:room<Base>; "
    "create localhost:room:shelf<Shelf>{ +boards=7 }; ping localhost:hits Ext<Add>"
)
SCREENS = {
    "status": (["status"], ""),
    "stars": (["stars"], ""),
    "machines": (["machines"], ""),
    "top": (["top", "--count", "1", "--interval", "0.1"], ""),
    "kinds": (["kinds"], ""),
    "kinds-show": (["kinds", "show", "Shelf"], ""),
    "describe": (["describe", "localhost:hits"], ""),
    "describe-failed": (["describe", "localhost:room:shelf"], ""),
    "tree": (["tree", "localhost"], ""),
    "ls": (["ls", "localhost"], ""),
    "term": (["term"], "help\nselect localhost:*\nget localhost:hits\nget localhost:nobody\n"),
}
PLUGINS = "base grants sql stream local"
"""Others are on the screens only where what they need is installed."""
WAYS = {"piped": piped, "colour": on_a_terminal}
FREE = {"status"}
"""Screens with a line that may be wider: it names the data directory and an address in it."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a machine that has a few particles."""
    home = tmp_path_factory.mktemp("screens")
    machine = detached(home, COUNTER + SHELF, HYPERVERSE_LOAD_PLUGINS=PLUGINS)
    next(machine)
    run = program(home)
    done = run("exec", "--quiet", MADE)
    assert done.returncode == 0, done.stderr
    run("exec", "--quiet", 'ping localhost:room:shelf Ext<Put> {"title": "a"}')
    yield home
    next(machine, None)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_looks_as_it_is_kept(place: Path, name: str, way: str) -> None:
    args, stdin = SCREENS[name]
    draw: Callable[[Path, list[str], str], str] = WAYS[way]
    drawn = draw(place, args, stdin)
    found, file = masked(drawn, place), KEPT / f"{name}.{way}.txt"
    if WRITE:
        file.parent.mkdir(exist_ok=True)
        file.write_text(found, "utf-8")
    assert found == file.read_text("utf-8"), f"{file.name}: see the top of this file if the change is meant"
    assert name in FREE or width_of(drawn) <= WIDTH, drawn
