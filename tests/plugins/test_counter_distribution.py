"""contrib/hyperverse-counter as a stranger uses it: built, installed into an environment of its own, uninstalled,
installed again. Nothing in the core or in the reference plugins knows of it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import site
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from patience import START

CONTRIB = Path(__file__).parents[2] / "contrib" / "hyperverse-counter"


def run(*command: str | Path, cwd: Path, ok: bool = True) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("HYPERVERSE", "PYTEST", "PYTHON"))}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=env, capture_output=True, text=True, timeout=START
    )
    assert done.returncode == 0 or not ok, f"{command}: {done.stdout}{done.stderr}"
    return done


@attrs.frozen
class Environment:
    """A virtual environment that sees what is installed here, and what is installed into it.

    Attributes:
        home: its folder.
        wheel: the built distribution.
    """

    home: Path
    wheel: Path

    @property
    def python(self) -> Path:
        return self.home / "bin" / "python"

    @property
    def data_dir(self) -> Path:
        return self.home / "data"

    def install(self) -> None:
        self._pip("install", "--no-deps", "--no-index", str(self.wheel))

    def uninstall(self) -> None:
        self._pip("uninstall", "--yes", "hyperverse-counter")

    def _pip(self, *arguments: str) -> None:
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", self.python)
        run(*pip, *arguments, cwd=self.home)

    def hyperverse(self, *arguments: str, ok: bool = True) -> str:
        command = (self.python, "-m", "hyperverse_core.cli", *arguments, "--data-dir", self.data_dir)
        return run(*command, cwd=self.home, ok=ok).stdout

    @contextlib.contextmanager
    def machine(self) -> Iterator[None]:
        """A machine that runs meanwhile."""
        self.hyperverse("up", "--detach")
        try:
            yield
        finally:
            self.hyperverse("down")

    def exec(self, command: str) -> dict[str, Any]:
        """What became of one command."""
        result: dict[str, Any] = json.loads(self.hyperverse("exec", command, "--json", ok=False))
        return result


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    folder = tmp_path_factory.mktemp("counter")
    source = folder / "source"
    shutil.copytree(CONTRIB, source, ignore=shutil.ignore_patterns("__pycache__", "dist", ".*"))
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    run(*pip, "wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w", folder, source, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    home = folder / "env"
    venv.create(home, symlinks=True, with_pip=False)
    own = sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)})
    ours = [path for path in site.getsitepackages() if Path(path).is_dir()]
    lines = [f"import site; site.addsitedir({path!r})" for path in ours]
    Path(own, "what-is-installed-here.pth").write_text("\n".join(lines) + "\n")
    return Environment(home, wheel)


def test_a_kind_comes_goes_and_comes_back_with_its_distribution(environment: Environment) -> None:
    env = environment

    env.install()
    with env.machine():
        assert env.exec("create localhost<Space>")["status"] == 200
        assert env.exec("create localhost:hits<Counter>")["status"] == 200
        assert env.exec('ping localhost:hits Ext<Add> {"by": 3}')["body"] == 3
        (kind,) = (row for row in json.loads(env.hyperverse("kinds", "--json")) if row["kind"] == "Counter")
        assert kind["plugin"] == "counter"

    env.uninstall()
    with env.machine():
        refused = env.exec("ping localhost:hits Ext<Get>")
        assert refused["status"] == 501
        assert "'Counter'" in refused["body"]["error"]
        assert "Counter" not in [row["kind"] for row in json.loads(env.hyperverse("kinds", "--json"))]
        assert env.exec("create localhost:more<Counter>")["status"] == 404
        kept = env.exec("select localhost:hits")
        assert "localhost:hits" in json.dumps(kept["body"])

    env.install()
    with env.machine():
        assert env.exec("ping localhost:hits Ext<Get>")["body"] == 3
        assert env.exec("ping localhost:hits Ext<Add>")["body"] == 4


def test_the_plugin_is_listed_with_its_distribution(environment: Environment) -> None:
    environment.install()
    listed = json.loads(
        run(environment.python, "-m", "hyperverse_core.cli", "plugins", "list", "--json", cwd=environment.home).stdout
    )
    (counter,) = (row for row in listed if row["name"] == "counter")
    assert (counter["distribution"], counter["state"]) == ("hyperverse-counter", "ok")


def test_its_own_tests_pass_where_it_is_installed(environment: Environment) -> None:
    environment.install()
    tests = environment.wheel.parent / "source"
    run(environment.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=tests)
