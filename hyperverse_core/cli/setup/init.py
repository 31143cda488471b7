"""``hyperverse init``: a folder that is a project, with a configuration, a driver and a test that passes."""

from __future__ import annotations

import importlib.resources
from pathlib import Path
from typing import Final

import click

from ...config.search import DATA_NAME, find_project_file
from ...errors import Conflict
from ..terminal.options import common, options
from ..terminal.output import note, print_json

__all__ = ["init"]

_FILES: Final = {
    "hyperverse.toml.txt": "hyperverse.toml",
    "hyperverse_local.py.txt": "hyperverse_local.py",
    "test_hyperverse_local.py.txt": "test_hyperverse_local.py",
    "gitignore.txt": ".gitignore",
    "pytest.ini.txt": "pytest.ini",
}
_KEPT: Final = frozenset({".gitignore", "pytest.ini"})
"""Files that are left unchanged if they exist."""
_PYTEST: Final = ("pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
"""Files from which pytest takes its settings; one in a folder is enough."""
_NEXT: Final = (
    "hyperverse up --detach",
    "hyperverse exec 'create localhost<Space>; create localhost:book<Guestbook>'",
    'hyperverse exec \'ping localhost:book Ext<Sign> {"name": "Ada"}\'',
    "python -m pytest",
)


@click.command()
@click.argument("directory", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False), default=".")
@common
def init(directory: Path) -> None:
    """Write the files of a new project into DIR, by default the working directory.

    They are a configuration, a plugin file with the driver of one Kind, and a passing test of that driver. Every
    command that runs below DIR uses them, and stores the data of its machine in DIR/.hyperverse.
    """
    written = _write(directory)
    data_dir = directory / DATA_NAME
    data_dir.mkdir(mode=0o700, exist_ok=True)
    _, passed_over = find_project_file(directory.absolute())
    if passed_over:
        note(f"warning: {passed_over}\n  hint: change that, or add --config {directory / 'hyperverse.toml'}")
    if options().json:
        print_json({"folder": str(directory), "files": written, "data_dir": str(data_dir.absolute())})
        return
    print(f"wrote {directory}: {', '.join(written)}, {DATA_NAME}")
    if not options().quiet:
        there = "" if directory == Path() else f"cd {directory}\n      "
        print("next: " + there + "\n      ".join(_NEXT))


def _write(directory: Path) -> list[str]:
    """Writes the files, all of them or none. Raises Conflict if one exists."""
    taken = [name for name in _FILES.values() if name not in _KEPT and (directory / name).exists()]
    if taken:
        raise Conflict(
            f"{str(directory / taken[0])!r} already exists",
            hint="choose another folder: hyperverse init DIR"
            if taken[0] != "hyperverse.toml"
            else "it is already a project",
        )
    directory.mkdir(parents=True, exist_ok=True)
    templates = importlib.resources.files(__package__) / "project_template"
    has_settings = any((directory / name).exists() for name in _PYTEST)
    if has_settings:
        note("the test needs these settings of pytest: asyncio_mode = auto")
    written = []
    for source, name in _FILES.items():
        path = directory / name
        if path.exists() or (name == "pytest.ini" and has_settings):
            continue
        path.write_text((templates / source).read_text("utf-8"), "utf-8")
        path.chmod(path.stat().st_mode & ~0o022)  # a file that others can write to is not used
        written.append(name)
    return written
