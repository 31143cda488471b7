"""Plugins use the public doors of the core and nothing behind them, so that anybody's plugin can do what ours do."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.doors import DOORS, declared, door, imported_modules

REPOSITORY = Path(__file__).parents[2]
CLI = REPOSITORY / "hyperverse_core" / "cli"
TEMPLATES = [
    *(path for path in sorted((CLI / "setup" / "templates").iterdir()) if path.name != "common"),
    CLI / "setup" / "project_template",
    CLI / "demo" / "files",
]
OURS = [*sorted((REPOSITORY / "plugins").iterdir()), *sorted((REPOSITORY / "contrib").iterdir()), *TEMPLATES]
_TEMPLATE_IMPORT = re.compile(r"^\s*(?:from|import) ([\w.]+)", re.MULTILINE)


def behind_the_doors(folder: Path) -> Iterator[str]:
    """The imports in ``folder`` that go past the public doors, with the file that has them."""
    for path in sorted((*folder.rglob("*.py"), *folder.rglob("*.py.txt"))):
        text = path.read_text("utf-8")
        imported = set(_TEMPLATE_IMPORT.findall(text)) if path.suffix == ".txt" else imported_modules(text)
        for module in sorted(imported - set(DOORS)):
            if module.partition(".")[0] == "hyperverse_core":
                yield f"{path.relative_to(folder)}: {module}"


@pytest.mark.parametrize("folder", OURS, ids=lambda path: path.name)
def test_it_imports_public_doors_only(folder: Path) -> None:
    assert [*folder.rglob("*.py"), *folder.rglob("*.py.txt")]
    assert list(behind_the_doors(folder)) == []


def test_an_import_behind_the_doors_is_found_wherever_it_is(tmp_path: Path) -> None:
    (tmp_path / "plugin.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "from hyperverse_core import Point\n"
        "if TYPE_CHECKING:\n"
        "    from hyperverse_core.fabric.machine import Machine\n"
        "def late():\n"
        "    import hyperverse_core.universe\n"
    )
    (tmp_path / "plugin.py.txt").write_text("from hyperverse_core.plugins import PluginSet\nclass ${name}: ...\n")
    assert list(behind_the_doors(tmp_path)) == [
        "plugin.py: hyperverse_core.fabric.machine",
        "plugin.py: hyperverse_core.universe",
        "plugin.py.txt: hyperverse_core.plugins",
    ]


@pytest.mark.parametrize("name", DOORS)
def test_a_door_has_for_a_type_checker_what_it_has_for_a_program(name: str) -> None:
    assert declared(name) == set(door(name).__all__)
    assert [public for public in door(name).__all__ if not hasattr(door(name), public)] == []


@pytest.mark.parametrize("name", DOORS)
def test_a_door_says_what_it_has_not(name: str) -> None:
    with pytest.raises(AttributeError, match=r"hyperverse_core.*'Nothing'"):
        door(name).Nothing  # noqa: B018


@pytest.mark.parametrize("name", DOORS)
def test_a_door_says_for_whom_it_is_and_that_it_is_kept(name: str) -> None:
    said = door(name).__doc__ or ""
    assert "Semantic Versioning" in said
    assert re.search(r"\bFor \w+|\bprograms\b", said)


@pytest.mark.parametrize("name", [name for name in DOORS if name not in ("hyperverse_core.transport",)])
def test_opening_a_door_loads_no_event_loop_and_no_runtime(name: str) -> None:
    program = f"import sys, {name}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    assert name in loaded
    assert {"asyncio", "cattrs", "lark", "hyperverse_core.fabric"} & set(loaded) == set()
