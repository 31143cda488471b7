"""The version of the distribution is written in one file; everything else reads it there."""

from __future__ import annotations

import tomllib
from pathlib import Path

import hyperverse_core
from hyperverse_core import _version

REPOSITORY = Path(__file__).parents[2]
SETTINGS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
HOME = REPOSITORY / "hyperverse_core" / "_version.py"


def test_the_build_reads_the_version_from_its_file() -> None:
    assert "version" not in SETTINGS["project"]
    assert "version" in SETTINGS["project"]["dynamic"]
    assert REPOSITORY / SETTINGS["tool"]["hatch"]["version"]["path"] == HOME


def test_no_other_module_writes_the_version() -> None:
    packages = [REPOSITORY / package for package in SETTINGS["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]]
    modules = [path for package in packages for path in package.rglob("*.py")]
    assert [path for path in modules if f'"{_version.__version__}"' in path.read_text("utf-8")] == [HOME]


def test_the_package_tells_the_version_of_that_file() -> None:
    assert hyperverse_core.__version__ == _version.__version__
