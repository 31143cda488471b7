"""What is built is what users get: the packages with everything they need, and nothing else."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from email.message import Message
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest

from patience import START

pytestmark = pytest.mark.thorough

REPOSITORY = Path(__file__).parents[2]
SETTINGS: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
PACKAGES = [Path(package) for package in SETTINGS["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built from a copy, without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    unwanted = shutil.ignore_patterns(".*", "__pycache__", "tests", "contrib", "build", "dist")
    shutil.copytree(REPOSITORY, folder / "source", ignore=unwanted)
    build = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps", "--no-index"]
    done = subprocess.run(
        [*build, "--no-build-isolation", "-w", str(folder), str(folder / "source")],
        capture_output=True,
        text=True,
        timeout=START,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = folder.glob("cosmic_hyperverse-*.whl")
    return zipfile.ZipFile(file)


def _packaged(keep: Callable[[Path], bool]) -> set[str]:
    """Files of our packages that ``keep`` takes, as they are named in a wheel."""
    found = set()
    for package in PACKAGES:
        for path in (REPOSITORY / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and keep(path):
                found.add(f"{package.name}/{path.relative_to(REPOSITORY / package).as_posix()}")
    return found


def _info(wheel: zipfile.ZipFile, file: str) -> str:
    (name,) = (name for name in wheel.namelist() if name.endswith(f".dist-info/{file}"))
    return wheel.read(name).decode()


def _metadata(wheel: zipfile.ZipFile) -> Message:
    return Parser().parsestr(_info(wheel, "METADATA"))


@pytest.mark.parametrize("suffix", [".py", ".lark", ".txt", ".typed"])
def test_every_file_of_the_packages_is_in_it(wheel: zipfile.ZipFile, suffix: str) -> None:
    wanted = _packaged(lambda path: path.suffix == suffix or path.name == f"py{suffix}")
    assert wanted
    assert wanted - set(wheel.namelist()) == set()


def test_every_package_says_that_it_is_typed(wheel: zipfile.ZipFile) -> None:
    assert {f"{package.name}/py.typed" for package in PACKAGES} <= set(wheel.namelist())


def test_nothing_else_is_in_it(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {package.name for package in PACKAGES}
    assert [name for name in wheel.namelist() if "/tests/" in name or "__pycache__" in name] == []


def test_its_plugins_are_entry_points_like_anybodys(wheel: zipfile.ZipFile) -> None:
    points = configparser.ConfigParser()
    points.read_string(_info(wheel, "entry_points.txt"))
    plugins = {package.name for package in PACKAGES if package.parent.name == "plugins"}
    assert set(points["hyperverse"].values()) == plugins
    assert points["console_scripts"]["hyperverse"] == "hyperverse_core.cli:main"
    assert points["pytest11"]["hyperverse"] == "hyperverse_core.testing.pytest_plugin"


def test_its_description_is_the_readme_and_its_licence_is_in_it(wheel: zipfile.ZipFile) -> None:
    metadata = _metadata(wheel)
    assert metadata["Name"] == "cosmic-hyperverse"
    assert metadata["License-Expression"] == "MIT"
    assert str(metadata.get_payload()).strip() == (REPOSITORY / "README.md").read_text("utf-8").strip()
    assert _info(wheel, "licenses/LICENSE") == (REPOSITORY / "LICENSE").read_text("utf-8")


def test_it_says_the_version_that_the_package_says(wheel: zipfile.ZipFile) -> None:
    import hyperverse_core

    assert _metadata(wheel)["Version"] == hyperverse_core.__version__
    released = f"## {hyperverse_core.__version__}" in (REPOSITORY / "CHANGELOG.md").read_text("utf-8")
    coming = [path for path in (REPOSITORY / "changelog.d").glob("*.md") if path.name != "README.md"]
    assert released or coming
