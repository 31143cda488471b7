"""Commands that say what there is, and why something does not run."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.conftest import COUNTER, Run, program, variables
from patience import LEASE, START

pytestmark = pytest.mark.thorough

RICH = """
import enum
from typing import Any

import attrs
from hyperverse_core import Ctx, Driver, KindDef, Particle, handler, hookimpl
from hyperverse_core.values import PropertiesConfig, PropertyDef


class Size(enum.Enum):
    SMALL = "small"
    LARGE = "large"


@attrs.frozen
class Place:
    x: int
    y: int = 0


@attrs.define
class Shelf(Particle):
    '''Holds things.'''

    things: list[str] = attrs.field(factory=list)

    @handler("Ext<Put>", privilege="shelf:put")
    async def put(self, ctx: Ctx, thing: str, at: Place, size: Size = Size.SMALL, often: int = 1) -> list[Place]:
        '''Puts a thing somewhere.

        More about that.'''
        return [at]

    @handler("Ext<Drop>")
    async def drop(self, ctx: Ctx, odd: Any = None):
        raise ValueError("it fell")


class ShelfDriver(Driver):
    kind = KindDef("Shelf", doc="A shelf", parents=("Base",), properties=PropertiesConfig([
        PropertyDef("colour", doc="What it looks like", default="red"),
        PropertyDef("width", pattern="U64", required=True),
    ]))
    particle = Shelf


class StubbornDriver(Driver):
    kind = KindDef("Stubborn", doc="Never starts")

    async def start(self, host):
        raise RuntimeError("no such cable")


@hookimpl
def hyperverse_register_drivers(register):
    register(ShelfDriver)
    register(StubbornDriver)
"""


@pytest.fixture(scope="module")
def rich_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a machine runs that serves the Kinds above."""
    home = tmp_path_factory.mktemp("rich")
    (home / "hyperverse.toml").write_text("[plugins]\nlocal = true\n")
    (home / "hyperverse_local.py").write_text(RICH)
    run = program(home, HYPERVERSE__LEASE=str(LEASE))
    done = run("up", "--detach")
    assert done.returncode == 0, done.stderr
    script = (
        "create localhost<Space>; create localhost:b<Base>; create localhost:b:s<Shelf>{ +width=3 };"
        "create localhost:stub<Stubborn>;"
    )
    done = run("exec", script)
    assert done.returncode == 0, done.stderr
    yield home
    run("down")


@pytest.fixture
def rich(rich_home: Path) -> Run:
    return program(rich_home)


def test_kinds_lists_what_can_be_created_and_all_the_rest_too(rich: Run) -> None:
    some = {line.split()[0] for line in rich("kinds").stdout.splitlines()[1:]}
    every = {line.split()[0] for line in rich("kinds", "--all").stdout.splitlines()[1:]}
    assert {"Space", "Base", "Shelf"} <= some
    assert {"Root", "Star", "Global", "Control"} <= every - some


def test_kinds_show_tells_all_about_one(rich: Run) -> None:
    told = rich("kinds", "show", "Shelf").stdout
    for line in (
        "Shelf: A shelf",
        "  can be created; plugin local: Ready",
        "  below: Base",
        '  colour: any text, default "red"',
        "      What it looks like",
        "  width: a whole number from 0 to 18446744073709551615, required",
        '  Ext<Put> (thing: string, at: Place {x, y}, size: "large" or "small" = ..., often: integer = 1)'
        " -> list of Place {x, y}",
        "      Puts a thing somewhere.",
        "      needs the privilege shelf:put",
    ):
        assert line in told.splitlines(), told
    assert "More about that" not in told


def test_the_machine_gives_json_schemas_of_handlers(rich: Run) -> None:
    body = json.loads(rich("exec", "--json", 'ping GLOBAL::machine Ext<Kind> {"kind": "Shelf"}').stdout)["body"]
    put, drop = body["handlers"]
    assert put["arguments"]["required"] == ["thing", "at"]
    assert put["arguments"]["properties"]["often"] == {"type": "integer", "default": 1}
    assert put["result"]["items"] == {"$ref": "#/$defs/Place"}
    assert put["result"]["$defs"]["Place"]["required"] == ["x"]
    assert drop["arguments"]["properties"]["odd"] == {"default": None}  # anything


def test_an_unknown_kind_is_told_with_the_nearest_name(rich: Run) -> None:
    done = rich("kinds", "show", "Shelv")
    assert done.returncode == 1 and "did you mean 'Shelf'" in done.stderr


def test_describe_tells_where_a_particle_lives_and_how_it_failed_last(rich: Run) -> None:
    assert "  life:   idle: its next wave activates it" in rich("describe", "localhost:b:s").stdout
    assert rich("exec", "ping localhost:b:s Ext<Drop>").returncode == 1
    told = rich("describe", "localhost:b:s").stdout
    assert "localhost:b:s<Shelf>" in told
    assert "on machine local" in told and "  life:   active" in told
    assert "s ago: Ext<Drop>: ValueError: it fell" in told


def test_describe_follows_the_causes_down_to_the_driver(rich: Run) -> None:
    found = json.loads(rich("describe", "localhost:stub", "--json").stdout)
    assert found["life"] == "stuck"
    said = " | ".join(found["chain"])
    assert "no star accepts particles of Kind 'Stubborn'" in said
    assert "its driver (plugin 'local') is" in said and "no such cable" in said
    assert "it is tried again in" in said
    listed = json.loads(rich("ls", "localhost", "--json").stdout)
    assert {row["point"]: row["status"] for row in listed}["localhost:stub"] == "Panic"
    assert "Panic" not in {row["status"] for row in listed if row["kind"] == "Base"}


def test_describe_names_the_plugin_that_is_gone(home: Path) -> None:
    (home / ".hyperverse").mkdir()
    (home / "hyperverse.toml").write_text("[plugins]\nlocal = true\n")
    (home / "hyperverse_local.py").write_text(COUNTER)
    run = program(home)
    try:
        assert run("up", "--detach").returncode == 0
        run("exec", "create localhost<Space>; create localhost:hits<Counter>")
        run("down")
        assert run("up", "--detach", "--no-plugin", "local").returncode == 0
        told = run("describe", "localhost:hits").stdout
        assert "no plugin of machine local provides a driver for it" in told
        assert "the record and the state of the particle are kept" in told
        assert "Panic" in run("ls", "localhost").stdout
    finally:
        run("down")


def test_machines_are_listed_when_they_are_gone_too(run: Run, background: object) -> None:
    assert run("machines").stdout.splitlines()[1].split()[:2] == ["local", "up"]
    run("down")
    (row,) = json.loads(run("machines", "--json").stdout)
    assert (row["machine"], row["state"]) == ("local", "gone")


def test_top_measures_what_handlers_do(rich: Run) -> None:
    (row,) = json.loads(rich("top", "--json", "--interval", "0.2").stdout)
    assert row["machine"] == "local" and row["state"] == "up"
    assert 0 <= row["loop"] <= 1
    assert {"waves", "failures", "slow", "failed", "particles", "waiting", "troubles"} <= row.keys()
    assert rich("top", "--count", "2", "--interval", "0.1").stdout.count("MACHINE") == 2


@pytest.mark.parametrize("words", [["stars"], ["kinds"], ["machines"], ["status"], ["top", "--count", "1"]])
@pytest.mark.parametrize("colour", [True, False])
def test_a_screen_fits_into_80_columns(rich_home: Path, words: list[str], colour: bool) -> None:
    environment = {**variables(rich_home), "TERM": "xterm", "COLUMNS": "80"}
    if colour:
        environment.pop("NO_COLOR", None)
    ours, theirs = pty.openpty()
    try:
        done = subprocess.Popen(
            [sys.executable, "-m", "hyperverse_core.cli", *words],
            cwd=rich_home,
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        told = b"".join(iter(lambda: _read(ours), b"")).decode()
        assert done.wait(START) == 0, told
    finally:
        os.close(ours)
    import click

    lines = click.unstyle(told).splitlines()
    assert len(lines) > 1
    if words != ["status"]:  # it has addresses and paths
        assert [line for line in lines if len(line.rstrip()) > 80] == []


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the program has ended
        return b""


def test_watch_prints_the_new_value(talk: Run, space: str, shared_home: Path) -> None:
    talk("exec", f"create {space}:hits<Counter>")
    words = [sys.executable, "-m", "hyperverse_core.cli", "watch", f"{space}:hits", "--aspect", "State", "--count", "1"]
    with subprocess.Popen(
        words, cwd=shared_home, env=variables(shared_home), stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            for _ in range(50):
                talk("exec", f"ping {space}:hits Ext<Add>")
                if process.poll() is not None:
                    break
            assert process.stdout is not None
            told = process.stdout.read()
        finally:
            process.kill()
    assert f'{space}:hits  state {{"value": ' in told
