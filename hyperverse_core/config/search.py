"""Finds the files of a project from a directory upward, and the files of the user.

A file that is found upward is used only if it belongs to this user or to root and nobody else can write it: see
``trust.py``. Importing this module is cheap, because the help of the command needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .trust import distrust, distrust_between

__all__ = [
    "CONFIG_NAME",
    "DATA_NAME",
    "LOCAL_PLUGIN",
    "default_data_dir",
    "distrust_of_plugin_file",
    "find_data_dir",
    "find_project_file",
    "user_file",
    "user_folder",
]

CONFIG_NAME = "hyperverse.toml"
DATA_NAME = ".hyperverse"
LOCAL_PLUGIN = "hyperverse_local.py"
_LARGEST = 1024 * 1024
"""Size in bytes up to which a ``pyproject.toml`` is read to see whether it configures this program."""


def find_project_file(start: Path) -> tuple[Path | None, str]:
    """Looks for the nearest ``hyperverse.toml``, or ``pyproject.toml`` with a table ``tool.hyperverse``, from ``start``
    upward.

    Returns:
        The file and an empty string; or None, and the reason why a file was ignored, empty when there was none.
    """
    return _nearest(start, _project_file_in)


def find_data_dir(start: Path) -> tuple[Path | None, str]:
    """Looks for the nearest ``.hyperverse`` from ``start`` upward. Returns what :func:`find_project_file` returns."""
    return _nearest(start, lambda directory: path if (path := directory / DATA_NAME).is_dir() else None)


def _nearest(start: Path, find: Callable[[Path], Path | None]) -> tuple[Path | None, str]:
    for directory in (start, *start.parents):
        try:
            found = find(directory)
        except OSError:  # this user may not enter the directory
            continue
        if found is not None:
            why = distrust_between(start, found)
            return (None, f"{str(found)!r} is passed over: {why}") if why else (found, "")
    return None, ""


def _project_file_in(directory: Path) -> Path | None:
    own = directory / CONFIG_NAME
    if own.is_file():
        return own
    project = directory / "pyproject.toml"
    return project if project.is_file() and _mentions_us(project) else None


def _mentions_us(project: Path) -> bool:
    import tomllib

    try:
        if project.stat().st_size > _LARGEST:
            return False
        tool = tomllib.loads(project.read_text("utf-8-sig")).get("tool", {})
    except (OSError, ValueError):  # an invalid file of another project, which its own tools report
        return False
    return isinstance(tool, dict) and "hyperverse" in tool


def distrust_of_plugin_file(folder: Path, start: Path) -> str:
    """Returns why the ``hyperverse_local.py`` in a folder that no setting names must not be imported; empty when it may
    be, or when there is none."""
    file = folder / LOCAL_PLUGIN
    if not file.exists():
        return ""
    return distrust_between(start, file) if start.is_relative_to(folder) else distrust(file) or distrust(folder)


def user_file() -> Path | None:
    """Returns the config file of the user; None when there is none."""
    folder = user_folder()
    path = folder / CONFIG_NAME if folder is not None else None
    return path if path is not None and path.is_file() else None


def user_folder() -> Path | None:
    """Returns the folder for the configuration of the user, which need not exist; None when the home directory is
    unknown."""
    import platformdirs

    return _of_user(platformdirs.user_config_path)


def _of_user(ask: Callable[..., Path]) -> Path | None:
    """Returns a folder of the user; None when the home directory is unknown: no HOME, and no entry for the user."""
    try:
        path = ask("hyperverse", appauthor=False)
    except RuntimeError:
        return None
    return path if path.parts[:1] != ("~",) else None  # older versions of platformdirs do not raise


def default_data_dir(start: Path | None = None) -> Path:
    """Returns the data directory to use when none is named: the ``.hyperverse`` beside the project's config file, or
    else the nearest ``.hyperverse`` from ``start`` (the working directory when None) upward, or else a directory in the
    user's data directory. Directories that another user could have put there are ignored; the log names them.

    Raises:
        ConfigError: the directory beside the config file is not private to this user, or the user's data directory is
            unknown.
    """
    start = (start or Path.cwd()).absolute()
    project, passed_over = find_project_file(start)
    found, also = data_dir_beside(project, start)
    for said in filter(None, (passed_over, also)):
        _warn(said)
    return found


def _warn(said: str) -> None:
    import logging  # imported here: the help needs this module, but no log

    logging.getLogger("hyperverse.config").warning("%s", said)


def data_dir_beside(project: Path | None, start: Path) -> tuple[Path, str]:
    """Returns the data directory that belongs to a config file (None for no file), as :func:`default_data_dir` does,
    and why a directory was ignored. Raises ConfigError."""
    if project is not None:
        beside = project.parent / DATA_NAME
        _must_be_private(beside)
        return beside, ""
    found, passed_over = find_data_dir(start)
    return found or _data_dir_of_user(), passed_over


def _must_be_private(data_dir: Path) -> None:
    why = distrust(data_dir) if data_dir.exists() else ""
    if not why:
        return
    from ..errors import ConfigError

    raise ConfigError(
        f"the data directory {str(data_dir)!r} is not used: {why}",
        hint=f"make it yours alone, with chown and `chmod go-w {data_dir}`, or name it with --data-dir if you trust it",
    )


def _data_dir_of_user() -> Path:
    import platformdirs

    path = _of_user(platformdirs.user_data_path)
    if path is not None:
        return path
    from ..errors import ConfigError

    raise ConfigError(
        "there is no place for a data directory: the user has no home directory",
        hint="give --data-dir, or set HOME or XDG_DATA_HOME",
    )
