"""An invitation is a secret, and all users of a computer can see the arguments of a command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from patience import START

TEXT = "inv_" + "Ab3_-" * 8 + "xyz"


@pytest.mark.parametrize(
    "words",
    [("--invitation", TEXT), (f"--invitation={TEXT}",), ("--invitation", f' "{TEXT}"\n'), (TEXT,), ("local", TEXT)],
    ids=["after the option", "with the option", "quoted", "alone", "after another word"],
)
def test_an_invitation_as_an_argument_is_refused_with_the_way_and_not_repeated(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hyperverse_core.cli", "up", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=START,
    )
    assert done.returncode == 2
    assert "process list" in done.stderr
    assert "HYPERVERSE_INVITATION" in done.stderr
    assert TEXT[4:20] not in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []
