"""``hyperverse wasm run`` runs a WASI command once, within limits."""

from __future__ import annotations

from pathlib import Path

import pytest
import wasmtime

from hyperverse_core.errors import HandlerFailed, TimedOut, TooLarge
from hyperverse_mechtron.host.command import Finished, run_command
from hyperverse_mechtron.host.engine import engine
from hyperverse_mechtron.host.grants import WasiGrants
from hyperverse_mechtron.host.limits import MIB, GuestLimits
from mechtron.conftest import Run, Wasm
from mechtron.guests import CAT, CORE, EXIT, SLEEPER, SPINNER

pytestmark = pytest.mark.thorough

PRINTER = """(module
  (import "wasi_snapshot_preview1" "%s_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "%s_get" (func $get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (drop (call $get (i32.const 64) (i32.const 1024)))
    (i32.store (i32.const 8) (i32.const 1024))
    (i32.store (i32.const 12) (i32.load (i32.const 4)))
    (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)))))"""
WRITER = """(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "new.txt")
  (func (export "_start")
    (call $exit (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 7) (i32.const 1)
      (i64.const 64) (i64.const 64) (i32.const 0) (i32.const 8)))))"""
GROWER = """(module (memory (export "memory") 1)
  (func (export "_start") (if (i32.eq (memory.grow (i32.const 1000)) (i32.const -1)) (then unreachable))))"""
HOG = """(module (memory (export "memory") 1)
  (func (export "_start") (loop (br_if 0 (i32.ne (memory.grow (i32.const 5)) (i32.const -1)))
    (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable)) (br 0))))"""
TALKER = """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (i32.store (i32.const 4) (i32.const 5000))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"""
DEEP = """(module (memory (export "memory") 1) (func $f (param i32) (call $f (local.get 0)) (call $f (local.get 0)))
  (func (export "_start") (call $f (i32.const 0))))"""
STARTS = """(module (memory (export "memory") 1) (func $s (loop (br 0))) (start $s) (func (export "_start")))"""


def test_input_output_and_exit_code_are_those_of_the_guest(program: Run, wasm: Wasm) -> None:
    content = bytes(range(256)) * 300
    done = program("run", wasm("cat.wasm", CAT), stdin=content)
    assert (done.returncode, done.stdout, done.stderr) == (0, content, b"")
    assert program("run", wasm("exit.wasm", EXIT)).returncode == 7


def test_what_is_compiled_is_kept_and_nothing_else_is_run(program: Run, wasm: Wasm, tmp_path: Path) -> None:
    module, folder = wasm("exit.wasm", EXIT), tmp_path / "cache" / "hyperverse" / "compiled"
    assert program("run", module).returncode == 7
    (kept,) = folder.glob("*.cwasm")
    right = kept.read_bytes()
    kept.write_bytes(right[:-1] + bytes((right[-1] ^ 1,)))
    assert program("run", module).returncode == 7
    assert kept.read_bytes() == right
    folder.chmod(0o777)
    refused = program("run", module)
    assert refused.returncode not in (0, 7) and b"others can write the folder" in refused.stderr


def test_arguments_and_environment_are_what_was_given_and_nothing_else(program: Run, wasm: Wasm) -> None:
    args = wasm("args.wasm", PRINTER % ("args", "args"))
    done = program("run", args, "--arg", "one", "--arg", "two words", "--", "-three")
    assert done.stdout == b"args.wasm\0one\0two words\0-three\0"
    env = wasm("env.wasm", PRINTER % ("environ", "environ"))
    assert program("run", env, "--env", "A=1", "--env", "B=x=y").stdout == b"A=1\0B=x=y\0"


def test_a_folder_is_there_when_it_was_given_and_written_when_that_was_said(
    program: Run, wasm: Wasm, tmp_path: Path
) -> None:
    writer = wasm("writer.wasm", WRITER)
    folder = tmp_path / "folder"
    folder.mkdir()
    assert program("run", writer).returncode == 8  # no such descriptor
    assert program("run", writer, "--read-dir", f"{folder}::/").returncode != 0
    assert list(folder.iterdir()) == []
    assert program("run", writer, "--dir", f"{folder}::/").returncode == 0
    assert [path.name for path in folder.iterdir()] == ["new.txt"]


@pytest.mark.parametrize(("seconds", "code"), [("nan", 2), ("inf", 1)])
def test_a_longest_run_that_never_ends_is_refused(program: Run, wasm: Wasm, seconds: str, code: int) -> None:
    done = program("run", wasm("endless.wasm", SLEEPER), "--seconds", seconds)
    assert (done.returncode, b"not a number" in done.stderr) == (code, True), done.stderr


def test_a_guest_that_does_not_end_is_ended(program: Run, wasm: Wasm) -> None:
    done = program("run", wasm("endless.wasm", SLEEPER), "--seconds", "0.3")
    assert done.returncode == 124
    assert b"the guest did not finish within 0.3 s" in done.stderr


def test_a_trap_is_told(program: Run, wasm: Wasm) -> None:
    done = program("run", wasm("trap.wasm", GROWER), "--memory", "16")
    assert done.returncode == 134
    assert done.stderr.startswith(b"Error: the guest trapped: it gave up")


async def ran(text: str, limits: GuestLimits) -> Finished:
    module = wasmtime.Module(engine(fuel=limits.fuel is not None).wasm, wasmtime.wat2wasm(text))
    return await run_command(module, "guest", WasiGrants(), limits, stdin=b"")


@pytest.mark.parametrize("text", [SPINNER, SLEEPER, STARTS], ids=["spins", "sleeps", "starts"])
async def test_the_deadline_holds_whatever_the_guest_does(text: str) -> None:
    with pytest.raises(TimedOut, match=r"did not finish within 0\.2 s"):
        await ran(text, GuestLimits(seconds=0.2))


@pytest.mark.parametrize(
    ("text", "limits", "told"),
    [
        (DEEP, GuestLimits(), "nested too deeply"),
        (SPINNER, GuestLimits(fuel=100_000), "used up its fuel"),
        ('(module (memory (export "memory") 900) (func (export "_start")))', GuestLimits(memory=16 * MIB), "memory"),
        (HOG, GuestLimits(memory=16 * MIB), "it had 16.0 of the 16 MiB"),
        (
            '(module (table 200000 funcref) (memory (export "memory") 1) (func (export "_start")))',
            GuestLimits(),
            "table",
        ),
    ],
    ids=["deep", "fuel", "large", "hog", "table"],
)
async def test_what_a_guest_may_not_is_told(text: str, limits: GuestLimits, told: str) -> None:
    with pytest.raises(HandlerFailed, match=told):
        await ran(text, limits)


async def test_too_much_output_is_told() -> None:
    with pytest.raises(TooLarge, match="bytes of output, and 1000 are allowed"):
        await ran(TALKER, GuestLimits(output=1000))


def test_what_is_no_command_is_refused_with_what_to_do(program: Run, wasm: Wasm) -> None:
    done = program("run", wasm("core.wasm", CORE))
    assert done.returncode == 1
    assert b"waves call it at an address" in done.stderr
    for option, value in (("--env", "novalue"), ("--dir", "missing::/")):
        done = program("run", wasm("cat.wasm", CAT), option, value)
        assert done.returncode == 1, option
        assert b"hint: " in done.stderr


def test_without_the_extra_one_line_says_what_to_install(program: Run, wasm: Wasm, tmp_path: Path) -> None:
    cat = wasm("cat.wasm", CAT)
    (tmp_path / "wasmtime.py").write_text("raise ImportError('not here')\n")
    done = program("run", cat)
    assert done.returncode == 1
    assert b"WebAssembly needs wasmtime" in done.stderr
    assert b'hint: python -m pip install "cosmic-hyperverse[wasm]"' in done.stderr
    assert b"Traceback" not in done.stderr
