"""The limits of compiling a module, and what is said when one of them is reached."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import wasmtime

from hyperverse_core.errors import BadRequest, HyperverseError, Unavailable
from hyperverse_mechtron.code import CodeCache, CodeOptions
from hyperverse_mechtron.compiling_limits import TOO_LARGE, CompilingLimits, ended_by
from patience import START, until

pytestmark = pytest.mark.thorough
MIB = 1 << 20
STEP = "(local.set 0 (i32.xor (local.get 1) (i32.const {n}))) (if (local.get 0) (then (local.set 1 (i32.const {n}))))"
LIMITS = CompilingLimits()


def large(steps: int) -> bytes:
    """A module with one long function, which takes long to compile."""
    body = "".join(STEP.format(n=number) for number in range(steps))
    return bytes(wasmtime.wat2wasm(f'(module (func (export "f") (local i32 i32) {body}))'))


async def refused(folder: Path, binary: bytes, limits: CompilingLimits) -> HyperverseError:
    with pytest.raises(HyperverseError) as raised:
        await CodeCache(folder, limits).load(binary, "the module", CodeOptions())
    assert not left_in(folder), "nothing of it is kept"
    return raised.value


def left_in(folder: Path) -> list[Path]:
    """The files in a folder, which need not be there."""
    return list(folder.glob("*"))


async def test_a_module_that_takes_long_says_so(tmp_path: Path) -> None:
    exc = await refused(tmp_path / "code", large(20_000), CompilingLimits(seconds=1))
    assert exc.message == "the module could not be compiled: it takes more than 1 s of the processor"
    assert isinstance(exc, Unavailable)


async def test_a_module_that_takes_much_memory_says_so(tmp_path: Path) -> None:
    exc = await refused(tmp_path / "code", large(20_000), CompilingLimits(memory=200 * MIB))
    assert exc.message == "the module could not be compiled: it takes more than 200 MiB of memory"
    assert isinstance(exc, Unavailable)


def compilers() -> list[int]:
    """The compiling processes of this process."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"hyperverse_mechtron.compiling\0" in (path / "cmdline").read_bytes():
                found.append(int(path.name))
        except OSError:
            continue
    return found


async def test_a_compiler_that_is_killed_says_so(tmp_path: Path) -> None:
    task = asyncio.ensure_future(refused(tmp_path / "code", large(20_000), LIMITS))
    await until(compilers, "a compiling process")
    os.kill(compilers()[0], signal.SIGKILL)
    assert "something has killed the compiler" in (await task).message


async def test_a_module_that_is_wrong_is_no_limit(tmp_path: Path) -> None:
    wrong = (
        b"\0asm\1\0\0\0" + b"\1\4\1\x60\0\0" + b"\3\2\1\0" + b"\7\5\1\1f\0\0" + b"\x0a\5\1\3\0\x6a\x0b"
    )  # it adds nothing
    exc = await refused(tmp_path / "code", wrong, LIMITS)
    assert isinstance(exc, BadRequest), exc
    assert "more than" not in exc.message


@pytest.mark.parametrize(
    ("status", "said", "told"),
    [
        (TOO_LARGE, "", "more than 4 GiB of memory"),
        (-signal.SIGABRT, "memory allocation of 64 bytes failed", "more than 4 GiB of memory"),
        (-signal.SIGABRT, "an assertion", "the compiler has crashed (Aborted)"),
        (-signal.SIGXCPU, "", "more than 300 s of the processor"),
        (-signal.SIGKILL, "", "something has killed the compiler"),
        (-signal.SIGSEGV, "", "the compiler has crashed (Segmentation fault)"),
        (1, "a reason", ""),
    ],
)
def test_each_end_is_told(status: int, said: str, told: str) -> None:
    found = ended_by(status, said, LIMITS)
    assert told in found and bool(told) == bool(found)


SETS = """
import resource, sys
from hyperverse_mechtron import compiling
from hyperverse_mechtron.compiling_limits import CompilingLimits

real = resource.setrlimit


def setrlimit(which, limits):
    if which == getattr(resource, sys.argv[1], None):
        raise ValueError("this system has none")
    real(which, limits)


resource.setrlimit = setrlimit
compiling._limit(CompilingLimits(seconds=100, memory=1 << 33))
for which in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_CORE):
    print(resource.getrlimit(which)[0])
"""


@pytest.mark.parametrize("missing", ["RLIMIT_CPU", "RLIMIT_AS", "RLIMIT_CORE", "none of them"])
def test_a_limit_that_cannot_be_set_leaves_the_others(missing: str) -> None:
    done = subprocess.run([sys.executable, "-c", SETS, missing], capture_output=True, text=True, timeout=START)
    assert not done.returncode, done.stderr
    found = dict(zip(("RLIMIT_CPU", "RLIMIT_AS", "RLIMIT_CORE"), done.stdout.split(), strict=True))
    expected = {"RLIMIT_CPU": "100", "RLIMIT_AS": str(1 << 33), "RLIMIT_CORE": "0"}
    for limits in (found, expected):
        limits.pop(missing, None)
    assert found == expected
