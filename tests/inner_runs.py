"""Runs of pytest that tests start: they have a folder of their own for what is temporary, and tell where they hang.

A run of pytest ends by deleting what earlier runs of the same user have left. After a run of the whole suite that can
take two minutes, longer than a test waits for the small run that it has started.

It is a plugin of pytest.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from patience import START

__all__ = ["TEMPORARY", "folder_of_inner_runs", "run_pytest"]

TEMPORARY: Final = "PYTEST_DEBUG_TEMPROOT"
"""The variable that names the folder. Every environment that is made for a program that may run pytest keeps it."""
_GRACE: Final = 30.0
"""Seconds in which a run that is ended says where it hangs."""


@pytest.fixture(scope="session", autouse=True)
def folder_of_inner_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tells the runs that are started from now on; this one keeps the folder that it has. The name is short, because
    the paths of sockets have to be."""
    tmp_path_factory.getbasetemp()
    with (
        tempfile.TemporaryDirectory(prefix="hv-", ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv(TEMPORARY, folder)
        yield


def run_pytest(
    folder: Path,
    *arguments: str,
    python: str | Path = sys.executable,
    env: Mapping[str, str] | None = None,
    timeout: float = START,
) -> subprocess.CompletedProcess[str]:
    """Runs pytest in a process of its own. Fails the test when it does not end in time, with what it has printed until
    then and the place at which each of its threads stands.

    Args:
        folder: where it runs.
        arguments: of pytest.
        python: the interpreter.
        env: its environment, by default that of the test.
        timeout: seconds that it may take. Less than the limit of the test, which would tell nothing of it.
    """
    # With -X faulthandler it shows the stacks of its threads on SIGABRT, also when it hangs at its end.
    command = [str(python), "-X", "faulthandler", "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    with subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            said = _ended(process)
            what = f"{' '.join(command)} in {folder} did not end within {timeout:g} s"
            pytest.fail(f"{what}; it has printed:\n{said}", pytrace=False)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def _ended(process: subprocess.Popen[str]) -> str:
    """Ends a run. Returns all that it has printed, with the stacks of its threads."""
    process.send_signal(signal.SIGABRT)
    try:
        printed: tuple[str | bytes | None, ...] = process.communicate(timeout=_GRACE)
    except subprocess.TimeoutExpired as exc:  # it does not end, or another process has its output too
        process.kill()
        printed = (exc.stdout, exc.stderr)
    return "\n".join(part.decode("utf-8", "replace") if isinstance(part, bytes) else part or "" for part in printed)
