"""Private names of other projects are used in one file each, and releases that may change them are excluded."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from pathlib import Path

import attrs
import pytest
from packaging.requirements import Requirement

from source_checks.private_names import private_uses

REPOSITORY = Path(__file__).parents[2]
SHIPPED = ("hyperverse_core", "plugins", "contrib")
PYTHON = "python"


@attrs.frozen
class Borrowed:
    """Private names of one project.

    Attributes:
        project: its distribution, or ``python`` with a module of it, whose versions CI runs one by one.
        file: the only file that uses them.
        names: all that are used.
    """

    project: str
    file: str
    names: frozenset[str]


BORROWED = (
    Borrowed(
        "aiosqlite", "plugins/hyperverse_sql/engine/sqlite/thread.py", frozenset({"_thread", "_conn", "_execute"})
    ),
    Borrowed("pytest", "hyperverse_core/testing/pytest_plugin.py", frozenset({"_fixtureinfo"})),
    Borrowed(f"{PYTHON}: importlib.metadata", "hyperverse_core/plugins/entry_points.py", frozenset({"_path"})),
    Borrowed(
        f"{PYTHON}: asyncio", "hyperverse_core/scheduling/waits_for_task.py", frozenset({"_asyncio_future_blocking"})
    ),
    Borrowed(
        "wasmtime",
        "plugins/hyperverse_mechtron/host/raw.py",
        frozenset(
            {
                *("_context", "_from_ptr", "_from_raw", "_func", "_instance", "_memory"),
                *("wasmtime._bindings", "wasmtime._ffi", "_wasmtime_config_host_stack_creator_set"),
            }
        ),
    ),
    Borrowed("nats-py", "plugins/hyperverse_nats/client.py", frozenset({"_io_writer", "_io_reader", "_buffer"})),
    Borrowed(PYTHON, "hyperverse_core/universe/routing/regex_tree.py", frozenset({"re._parser"})),
)

UNDOCUMENTED = ("uvicorn",)
"""Projects with names that are not private by their spelling and are documented nowhere, which we use: the portal has
a protocol of its own (``plugins/hyperverse_portal/protocol.py`` and ``exchange.py``)."""


def used() -> dict[str, set[str]]:
    """The private names of others in each file that ships."""
    found: dict[str, set[str]] = defaultdict(set)
    for folder in SHIPPED:
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            for use in private_uses(path.read_text("utf-8")):
                found[path.relative_to(REPOSITORY).as_posix()].add(use.name)
    return found


def requirements() -> list[Requirement]:
    """Everything that the project and its extras require."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    return [Requirement(text) for texts in (project["dependencies"], *extras) for text in texts]


@pytest.mark.thorough
def test_private_names_of_others_are_used_in_these_files_only() -> None:
    expected: dict[str, set[str]] = defaultdict(set)
    for borrowed in BORROWED:
        expected[borrowed.file] |= borrowed.names
    assert used() == expected


@pytest.mark.parametrize("project", sorted({each.project for each in BORROWED}))
def test_the_private_names_of_a_project_are_in_one_file(project: str) -> None:
    assert len({each.file for each in BORROWED if each.project == project}) == 1


@pytest.mark.parametrize(
    "project", sorted({*UNDOCUMENTED, *(each.project for each in BORROWED if not each.project.startswith(PYTHON))})
)
def test_a_project_whose_private_names_we_use_has_an_upper_bound(project: str) -> None:
    bounds = [each.specifier for each in requirements() if each.name == project]
    assert bounds
    assert all(any(part.operator in ("<", "<=", "==", "~=") for part in bound) for bound in bounds)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import zmq._future", ["zmq._future"]),
        ("from zmq import _future", ["zmq._future"]),
        ("from zmq._future import _Async", ["zmq._future._Async"]),
        ("import importlib\nsre = importlib.import_module('re._parser')", ["re._parser"]),
        ("import zmq\nsocket = zmq.Socket()\nsocket._closed", ["_closed"]),
        ("import zmq\ndef close(socket: zmq.Socket[bytes]):\n    socket._closed = True", ["_closed"]),
        (
            "import zmq\nclass A:\n    socket: zmq.Socket | None\n    def a(self):\n        self.socket._closed",
            ["_closed"],
        ),
        ("import zmq\nwith zmq.Context() as context:\n    context._sockets", ["_sockets"]),
        ("def close(socket):\n    getattr(socket, '_closed', None)", ["_closed"]),
        ("import zmq\nclass A:\n    _closed = zmq.Socket()._closed", ["_closed"]),
    ],
)
def test_a_private_name_of_others_is_found(source: str, names: list[str]) -> None:
    assert [use.name for use in private_uses(source)] == names


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos._exit(1)",
        "def later(pair):\n    return pair._replace(two=2)",
        "from . import _version",
        "from hyperverse_core._version import _read",
        "class A:\n    _key: int\n    def __lt__(self, other):\n        return self._key < other._key",
        "class A:\n    def a(self):\n        return self._inherited",
        "import zmq\nzmq.__version__",
        "def a():\n    _local = 1\n    return _local",
    ],
)
def test_what_is_ours_or_public_is_left_alone(source: str) -> None:
    assert private_uses(source) == []
