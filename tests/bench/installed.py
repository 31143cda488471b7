"""An earlier state of the project, installed beside this one."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

__all__ = ["installed"]


def installed(repository: Path, commit: str, folder: Path) -> Path:
    """Installs a commit of ``repository`` into an environment of its own in ``folder``; returns its interpreter."""
    source, environment, archive = folder / "source", folder / "environment", folder / "source.tar"
    _run("git", "-C", str(repository), "archive", "--format=tar", "-o", str(archive), commit)
    with tarfile.open(archive) as files:
        files.extractall(source, filter="data")
    _run(sys.executable, "-m", "venv", str(environment))
    python = environment / "bin" / "python"
    _run(str(python), "-m", "pip", "install", "--quiet", f"{source}[speed]")
    return python


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
