"""Plugins use the public modules of the core and nothing behind them, so that anybody's plugin can do what ours do."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.public_modules import PUBLIC_MODULES, declared, imported_modules, loaded

REPOSITORY = Path(__file__).parents[2]
CLI = REPOSITORY / "hyperverse_core" / "cli"
TEMPLATES = [
    *(path for path in sorted((CLI / "setup" / "templates").iterdir()) if path.name != "common"),
    CLI / "setup" / "project_template",
    CLI / "demo" / "files",
]
OURS = [*sorted((REPOSITORY / "plugins").iterdir()), *sorted((REPOSITORY / "contrib").iterdir()), *TEMPLATES]
_TEMPLATE_IMPORT = re.compile(r"^\s*(?:from|import) ([\w.]+)", re.MULTILINE)


def behind_the_public_modules(folder: Path) -> Iterator[str]:
    """The imports in ``folder`` that go past the public modules, with the file that has them."""
    for path in sorted((*folder.rglob("*.py"), *folder.rglob("*.py.txt"))):
        text = path.read_text("utf-8")
        imported = set(_TEMPLATE_IMPORT.findall(text)) if path.suffix == ".txt" else imported_modules(text)
        for module in sorted(imported - set(PUBLIC_MODULES)):
            if module.partition(".")[0] == "hyperverse_core":
                yield f"{path.relative_to(folder)}: {module}"


@pytest.mark.parametrize("folder", OURS, ids=lambda path: path.name)
def test_it_imports_public_modules_only(folder: Path) -> None:
    assert [*folder.rglob("*.py"), *folder.rglob("*.py.txt")]
    assert list(behind_the_public_modules(folder)) == []


def test_an_import_behind_the_public_modules_is_found_wherever_it_is(tmp_path: Path) -> None:
    (tmp_path / "plugin.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "from hyperverse_core import Point\n"
        "if TYPE_CHECKING:\n"
        "    from hyperverse_core.fabric.machine import Machine\n"
        "def late():\n"
        "    import hyperverse_core.universe\n"
    )
    (tmp_path / "plugin.py.txt").write_text("from hyperverse_core.plugins import PluginSet\nclass ${name}: ...\n")
    assert list(behind_the_public_modules(tmp_path)) == [
        "plugin.py: hyperverse_core.fabric.machine",
        "plugin.py: hyperverse_core.universe",
        "plugin.py.txt: hyperverse_core.plugins",
    ]


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_a_public_module_has_for_a_type_checker_what_it_has_for_a_program(name: str) -> None:
    assert declared(name) == set(loaded(name).__all__)
    assert [public for public in loaded(name).__all__ if not hasattr(loaded(name), public)] == []


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_a_public_module_says_what_it_has_not(name: str) -> None:
    with pytest.raises(AttributeError, match=r"hyperverse_core.*'Nothing'"):
        loaded(name).Nothing  # noqa: B018


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_a_public_module_says_for_whom_it_is_and_that_it_is_kept(name: str) -> None:
    said = loaded(name).__doc__ or ""
    assert "Semantic Versioning" in said
    assert re.search(r"\bFor \w+|\bprograms\b", said)


@pytest.mark.parametrize("name", [name for name in PUBLIC_MODULES if name not in ("hyperverse_core.transport",)])
def test_importing_a_public_module_loads_no_event_loop_and_no_runtime(name: str) -> None:
    program = f"import sys, {name}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    assert name in loaded
    assert {"asyncio", "cattrs", "lark", "hyperverse_core.fabric"} & set(loaded) == set()
