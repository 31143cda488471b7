"""A distribution of contrib as a stranger uses it: built, installed into an environment of its own, uninstalled."""

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

from inner_runs import TEMPORARY, run_pytest
from patience import START, SUITE

__all__ = ["CONTRIB", "Environment", "run", "variables"]

CONTRIB = Path(__file__).parents[2] / "contrib"


def variables() -> dict[str, str]:
    """The environment of a stranger, with the folder of the runs of pytest that a test starts."""
    dropped = ("HYPERVERSE", "PYTEST", "PYTHON")
    return {key: value for key, value in os.environ.items() if key == TEMPORARY or not key.startswith(dropped)}


def run(*command: str | Path, cwd: Path, ok: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=variables(), capture_output=True, text=True, timeout=START
    )
    assert done.returncode == 0 or not ok, f"{command}: {done.stdout}{done.stderr}"
    return done


@attrs.frozen
class Environment:
    """A virtual environment that sees what is installed here, and what is installed into it.

    Attributes:
        home: its folder.
        wheel: the built distribution.
        name: of the distribution.
    """

    home: Path
    wheel: Path
    name: str

    @classmethod
    def of(cls, name: str, folder: Path) -> Environment:
        """Builds the distribution of that name in ``contrib``, and makes an environment in which it is not yet."""
        source = folder / "source"
        shutil.copytree(CONTRIB / name, source, ignore=shutil.ignore_patterns("__pycache__", "dist", ".*"))
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
        run(*pip, "wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w", folder, source, cwd=folder)
        (wheel,) = folder.glob("*.whl")
        home = folder / "env"
        venv.create(home, symlinks=True, with_pip=False)
        own = sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)})
        ours = [path for path in site.getsitepackages() if Path(path).is_dir()]
        lines = [f"import site; site.addsitedir({path!r})" for path in ours]
        Path(own, "what-is-installed-here.pth").write_text("\n".join(lines) + "\n")
        return cls(home, wheel, name)

    @property
    def python(self) -> Path:
        return self.home / "bin" / "python"

    @property
    def data_dir(self) -> Path:
        return self.home / "data"

    def install(self) -> None:
        self._pip("install", "--no-deps", "--no-index", str(self.wheel))

    def uninstall(self) -> None:
        self._pip("uninstall", "--yes", self.name)

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

    def run_own_tests(self) -> None:
        """Its own tests pass where it is installed. A kit skips what a plugin does not promise."""
        tests = self.wheel.parent / "source"
        done = run_pytest(tests, "-v", "tests", python=self.python, env=variables(), timeout=SUITE)
        assert done.returncode == 0, done.stdout + done.stderr
