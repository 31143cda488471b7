"""What the command draws at 80 columns, as text that can be kept and compared.

Times, process ids, versions and folders are masked, and runs of blanks and lines are shortened to what does not depend
on the width of what was masked. A colour is written ``{32}``.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

from cli.conftest import variables
from patience import START

__all__ = ["WIDTH", "masked", "on_a_terminal", "piped", "width_of"]

WIDTH = 80
_COLOUR = re.compile(r"\x1b\[([0-9;]*)m")
_AGAIN = re.compile(r"(?:\x1b\[(?:2K|1A))+")
"""A live view goes back to where it began."""
_OTHER_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-ln-z]|\x1b[=>]")
_ROW = re.compile(r"^(?:local|STAR::\S+) .*$", re.MULTILINE)
"""A row of a table of machines or stars."""
_COUNT = re.compile(r"(?<= )\d+(?= |$)")
_MASKS = [
    (re.compile(r"\bPID +"), "PID "),  # the column is as wide as the longest number
    (re.compile(r"^plugin .*blocked.*\n", re.MULTILINE), ""),  # which there are depends on what is installed
    (re.compile(r"^ *trouble: .*took more than.*\n", re.MULTILINE), ""),  # true on a computer with much to do
    (re.compile(r"unix://\S+"), "ADDRESS"),
    (re.compile(r"\bpid \d+"), "pid N"),
    (re.compile(r"\b\d+(\.\d+)* (s|ms|MiB|MB|KiB)\b"), r"N \2"),
    (re.compile(r"\b\d+\.\d+\.\d+\S*"), "VERSION"),
    (re.compile(r"(?<=\[)\d+(?=\])"), "N"),
    (re.compile(r"\b\d+ particles?\b"), "N particles"),
    (re.compile(r"(?<=home: ) *STAR::central:\w+"), " STAR::central:SOME"),
    (re.compile(r" {2,}"), "  "),
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
]


def masked(text: str, home: Path) -> str:
    """Returns what was drawn without what differs from run to run."""
    text = _OTHER_SEQUENCE.sub("", _AGAIN.sub("\n", text.replace("\r", "").replace(str(home), "HOME")))
    text = _COLOUR.sub(lambda found: f"{{{found[1]}}}", text)
    text = _ROW.sub(lambda found: _COUNT.sub("N", found[0]), text)
    for pattern, put in _MASKS:
        text = pattern.sub(put, text)
    return text.strip("\n") + "\n"


def width_of(text: str) -> int:
    """Returns the number of columns that the widest line needs."""
    bare = _COLOUR.sub("", _OTHER_SEQUENCE.sub("", _AGAIN.sub("\n", text.replace("\r", ""))))
    return max(map(len, bare.split("\n")))


def piped(home: Path, args: list[str], stdin: str) -> str:
    """Runs ``hyperverse`` with its output in a pipe, as a script does."""
    environment = {**variables(home), "COLUMNS": str(WIDTH)}
    program = [sys.executable, "-m", "hyperverse_core.cli", *args]
    done = subprocess.run(
        program, cwd=home, env=environment, input=stdin, capture_output=True, text=True, timeout=START
    )
    return done.stdout + done.stderr


def on_a_terminal(home: Path, args: list[str], stdin: str) -> str:
    """Runs ``hyperverse`` with its output on a terminal of 80 columns with colours."""
    environment = {**variables(home), "COLUMNS": str(WIDTH), "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, WIDTH, 0, 0))
    program = [sys.executable, "-m", "hyperverse_core.cli", *args]
    with subprocess.Popen(program, cwd=home, env=environment, stdin=subprocess.PIPE, stdout=its, stderr=its) as child:
        os.close(its)
        assert child.stdin is not None
        child.stdin.write(stdin.encode())
        child.stdin.close()
        written = b""
        with contextlib.suppress(OSError):  # EIO: the program has closed its end
            while part := os.read(ours, 65536):
                written += part
    os.close(ours)
    return written.decode()
