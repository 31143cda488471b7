"""Every path on the map of the code exists, and every folder of the code is on the map."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.pages import REPOSITORY

PAGE = REPOSITORY / "docs" / "explanation" / "map.md"
CORE = REPOSITORY / "hyperverse_core"
NAMED = sorted(set(re.findall(r"`([\w\-./]+(?:\.py|\.lark|/))`", PAGE.read_text("utf-8"))))
NOT_ON_THE_MAP = {"templates", "__pycache__"}
"""Folders without code of the running platform."""


def home_of(name: str) -> Path:
    """Names on the map stand below the core, or at the top of the repository."""
    return (
        REPOSITORY if name.split("/")[0] in ("contrib", "hyperverse_core", "tests", "docs") or is_plugin(name) else CORE
    )


def is_plugin(name: str) -> bool:
    return name.startswith("plugins/hyperverse_")


def folders() -> list[str]:
    """Folders of the core and its rooms, and the plugins, as the map writes them."""
    rooms = [CORE / "fabric", CORE / "universe"]
    found = [child for parent in (CORE, *rooms) for child in parent.iterdir() if child.is_dir()]
    core = [f"{child.relative_to(CORE)}/" for child in found if child.name not in NOT_ON_THE_MAP]
    plugins = [path.parent for path in (REPOSITORY / "plugins").glob("*/__init__.py")]
    return sorted(core) + sorted(f"plugins/{plugin.name}/" for plugin in plugins)


@pytest.mark.parametrize("name", NAMED)
def test_a_path_of_the_map_exists(name: str) -> None:
    path = home_of(name) / name
    assert path.is_dir() if name.endswith("/") else path.is_file()


@pytest.mark.parametrize("folder", folders())
def test_a_folder_of_the_code_is_on_the_map(folder: str) -> None:
    assert f"`{folder}`" in PAGE.read_text("utf-8")


def test_every_folder_of_tests_is_in_the_table_for_contributors() -> None:
    table = (REPOSITORY / "CONTRIBUTING.md").read_text("utf-8").partition("\n## Write a test\n")[2]
    folders = [path.name for path in (REPOSITORY / "tests").iterdir() if any(path.glob("*.py"))]
    assert [folder for folder in folders if f"`tests/{folder}`" not in table] == []
