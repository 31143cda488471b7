"""``hyperverse new mechtron`` writes projects that build, publish and answer."""

from __future__ import annotations

import re
import string
from importlib import resources
from pathlib import Path

import pytest
import wasmtime

from hyperverse_core import Machine
from hyperverse_mechtron.checking import checked
from hyperverse_mechtron.document import Document
from hyperverse_mechtron.inspection import ABI_EXPORTS, GuestKind
from hyperverse_mechtron.providers import HOST_FUNCTIONS, INTERFACE_FUNCTIONS
from mechtron.test_mechtrons import Make, ask, machine_plugins, make

__all__ = ["machine_plugins", "make"]

TEMPLATES = Path(str(resources.files("hyperverse_core.cli.setup"))) / "templates" / "mechtron"


def written(name: str) -> str:
    text = (TEMPLATES / name).read_text()
    return string.Template(text).substitute(name="my-thing", language="X", build="make", memory="16")


async def test_the_project_in_the_text_of_webassembly_counts_and_answers(machine: Machine, make: Make) -> None:
    point = await make("m", written("guest.wat.txt"))
    for number in range(1, 13):
        assert (await ask(machine, point, "Count")).unwrap() == str(number)
    assert (await ask(machine, point, "Court", "hi")).unwrap() == "hi"
    assert not (await ask(machine, point, "Echo", "x" * 200_000)).ok


def test_it_has_no_fault_and_its_document_is_right() -> None:
    report = checked(bytes(wasmtime.wat2wasm(written("guest.wat.txt"))))
    assert (report.kind, report.faults) == (GuestKind.CORE, ())
    assert Document.parse(written("document.txt")).name == "my-thing"


@pytest.mark.parametrize("name", ["guest.c.txt", "guest.rs.txt", "guest.ts.txt", "guest.go.txt"])
def test_a_project_names_exports_and_imports_that_there_are(name: str) -> None:
    text = written(name)
    assert all(export in text for export in ABI_EXPORTS)
    imported = {"state_get", "state_set", "take"}
    assert imported <= set(re.findall(r"[a-z_]+", text)) and imported <= set(HOST_FUNCTIONS)


def test_the_interface_that_projects_get_is_what_the_platform_gives() -> None:
    text = re.sub(r"///.*", "", written("mechtron.wit.txt"))
    functions = dict(re.findall(r"^  ([a-z-]+): func(.*);$", text, re.MULTILINE))
    types = {}
    for name, declared in functions.items():
        params, _, result = declared.partition(")")
        short = ", ".join(each.partition(": ")[2] for each in params.strip("(").split(", ") if each)
        types[name] = f"({short}) -> {result.removeprefix(' -> ') or '_'}"
    assert types == INTERFACE_FUNCTIONS
