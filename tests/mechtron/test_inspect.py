"""``hyperverse wasm inspect`` says what a file is, and what would be refused."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import wasmtime

from hyperverse_core.errors import HyperverseError
from hyperverse_mechtron.checking import checked
from hyperverse_mechtron.inspection import GuestKind
from mechtron.conftest import Run, Wasm
from mechtron.guests import CAT, CORE, EXIT
from thoroughness import THOROUGH

FUNCTION = '(module (func (export "f")))'
COMPONENT = """(component
  (import "cosmic:hyperverse/host@0.1.0" (instance (export "log" (func (param "text" string)))))
  (import "wasi:cli/environment@0.2.0" (instance))
  (import "wasi:http/types@0.2.0" (instance)))"""


def of(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


@pytest.mark.parametrize(
    ("text", "kind"),
    [(CORE, GuestKind.CORE), (CAT, GuestKind.COMMAND), (EXIT, GuestKind.COMMAND), (FUNCTION, GuestKind.LIBRARY)],
)
def test_a_good_module_has_its_kind_and_no_faults(text: str, kind: GuestKind) -> None:
    report = checked(of(text))
    assert (report.kind, report.faults) == (kind, ())


def test_a_command_may_have_a_start_function_of_another_name() -> None:
    text = CAT.replace("_start", "main")
    assert checked(of(text), "main").kind is GuestKind.COMMAND
    (fault,) = checked(of(text)).faults
    assert "'_start'" in fault.what


def test_a_component_is_told_with_what_it_imports() -> None:
    report = checked(of(COMPONENT))
    assert report.kind is GuestKind.COMPONENT
    assert [(each.name, who.name) for each, who in report.imports] == [
        ("cosmic:hyperverse/host@0.1.0", "the platform"),
        ("wasi:cli/environment@0.2.0", "the platform, in place of WASI preview 2"),
        ("wasi:http/types@0.2.0", ""),
    ]


BAD_IMPORTS = """(module
  (import "a" "b" (func))
  (import "env" "emscripten_notify" (func))
  (import "./shop_bg.js" "now" (func))
  (import "gojs" "runtime.wasmExit" (func))
  (import "elsewhere" "help" (func))
  (import "hyperverse" "pign" (func))
  (import "hyperverse" "log" (func (param i64)))
  (import "wasi_snapshot_preview1" "fd_write" (func (param i32)))
  (import "wasi_unstable" "fd_write" (func))
  (memory (export "memory") 1))"""


def test_all_bad_imports_are_named_at_once_with_their_cures() -> None:
    report = checked(of(BAD_IMPORTS))
    told = [f"{fault.what} | {fault.hint}" for fault in report.faults]
    for part in (
        "import a.b: emscripten shortened its name",
        "-sSTANDALONE_WASM",
        "./shop_bg.js.now: it needs the JavaScript of wasm-bindgen",
        "GOOS=wasip1",
        "elsewhere.help: nothing here provides it",
        "'hyperverse' has no 'pign'; did you mean 'ping'",
        "hyperverse.log: it is imported as func (i64) -> (), but is func (i32, i32) -> ()",
        "wasi_snapshot_preview1.fd_write: it is imported as func (i32) -> ()",
        "wasi_unstable.fd_write: WASI before preview 1",
    ):
        assert any(part in line for line in told), part
    assert len([line for line in told if line.startswith("import")]) == 9


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (CORE.replace('(export "memory")', ""), "does not export its memory"),
        (CORE.replace("hv_alloc", "hv_aloc"), "does not export 'hv_alloc'; did you mean 'hv_aloc'?"),
        (CORE.replace('"hv_abi") (result i32) (i32.const 1)', '"hv_abi")'), "export hv_abi is func () -> ()"),
        (CAT.replace('(export "memory")', ""), "does not export its memory"),
        ("(module (memory i64 1))", "64-bit addresses"),
        ("(module (memory 1) (memory 1))", "2 memories"),
    ],
)
def test_what_would_be_refused_is_told(text: str, told: str) -> None:
    assert any(told in fault.what for fault in checked(of(text)).faults)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "it is empty"),
        (b"(module)", "WebAssembly text"),
        (b"  \n(module)", "WebAssembly text"),
        (b"hello there", "begins with b'hello th'"),
        (b"\x7fELF\2\1\1", "a program for this computer's processor"),
        (b"PK\3\4....", "a ZIP archive"),
        (b"\0asm\2\0\0\0", "WebAssembly of version 2"),
        (b"\0asm\1\0", "cut off"),
        (b"\0asm\1\0\0\0\x63\0", "no section with the number 99"),
        (b"\0asm\1\0\0\0\1\x7f", "127 bytes should follow"),
        (b"\0asm\1\0\0\0\1\xff\xff\xff\xff\xff\xff", "more than 32 bits"),
        (b"\0asm\1\0\0\0\2\5\1\1\xff\0\0", "not UTF-8"),
    ],
)
def test_what_is_no_webassembly_is_told(content: bytes, told: str) -> None:
    with pytest.raises(HyperverseError, match=told) as caught:
        checked(content)
    assert caught.value.hint


def test_what_wasmtime_says_against_a_module_is_a_fault() -> None:
    good = of('(module (func (export "f") (result i32) (i32.const 1)))')
    bad = good.replace(b"\x41\x01\x0b", b"\x01\x01\x0b")  # no result is left
    (fault,) = checked(bad).faults
    assert "not valid" in fault.what and "type mismatch" in fault.what


def test_mutated_modules_are_refused_with_a_reason_or_accepted() -> None:
    """100,000 take about a minute."""
    seed = random.Random(12)
    whole = [of(text) for text in (CORE, CAT, EXIT, BAD_IMPORTS, COMPONENT)]
    outcomes = {"accepted": 0, "refused": 0}
    for _ in range(100_000 if THOROUGH else 2_000):
        try:
            report = checked(mutated(seed, seed.choice(whole)))
            outcomes["refused" if report.faults else "accepted"] += 1
        except HyperverseError as exc:
            assert exc.message
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 0


def mutated(seed: random.Random, module: bytes) -> bytes:
    """A module with a few bytes changed, put in or taken out, or cut off."""
    data = bytearray(module)
    for _ in range(seed.randint(1, 6)):
        at = seed.randrange(len(data)) if data else 0
        how = seed.randrange(5)
        if how == 0 and data:
            data[at] = seed.randrange(256)
        elif how == 1:
            data[at:at] = seed.randbytes(seed.randint(1, 5))
        elif how == 2:
            del data[at : at + seed.randint(1, 9)]
        elif how == 3 and data:
            data[at] ^= 1 << seed.randrange(8)
        elif seed.random() < 0.2:
            del data[at:]
    return bytes(data)


def test_the_program_prints_it(program: Run, wasm: Wasm) -> None:
    wasm("cat.wasm", CAT)
    done = program("inspect", "cat.wasm")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode().splitlines()
    assert lines[0].startswith("cat.wasm: WASI preview 1 command, ")
    assert "memory: 128 KiB at the start, no limit of its own" in lines
    assert "  memory  memory of 2 pages" in lines
    assert any("wasi_snapshot_preview1.fd_read" in line and line.endswith("WASI preview 1") for line in lines)


def test_the_program_says_how_large_a_memory_may_become(program: Run, wasm: Wasm) -> None:
    wasm("core.wasm", CORE)
    lines = program("inspect", "core.wasm").stdout.decode().splitlines()
    assert "memory: 64 KiB at the start, at most 1 MiB" in lines
    assert any(line.endswith("memory of 1 to 16 pages") for line in lines)
    wasm("one.wasm", '(module (memory (export "m") 1) (table (export "t") 1 funcref) (table (export "u") 2 funcref))')
    told = program("inspect", "one.wasm").stdout.decode()
    assert "memory of 1 page\n" in told and "table of 1 element\n" in told and "table of 2 elements\n" in told


def test_the_program_names_the_file_that_is_no_webassembly(program: Run, tmp_path: Path) -> None:
    (tmp_path / "no.wasm").write_bytes(b"hello there")
    for command in ("inspect", "run"):
        done = program(command, "no.wasm")
        assert done.returncode
        assert b"no.wasm cannot run: it is not WebAssembly: it begins with b'hello th'" in done.stderr


def test_the_program_prints_what_would_be_refused(program: Run, wasm: Wasm, tmp_path: Path) -> None:
    wasm("bad.wasm", BAD_IMPORTS)
    done = program("inspect", "bad.wasm", "--json")
    found = json.loads(done.stdout)
    assert {each["name"]: each["provider"] for each in found["imports"] if each["name"] in ("pign", "log")} == {
        "pign": None,
        "log": "the platform",
    }
    assert found["imports"][4] == {"module": "elsewhere", "name": "help", "type": "func () -> ()", "provider": None}
    assert any("elsewhere.help" in fault["what"] and fault["hint"] for fault in found["refused"])
    (tmp_path / "text.wasm").write_text("(module)")
    done = program("inspect", "text.wasm")
    assert done.returncode == 1
    assert b"WebAssembly text" in done.stderr and b"hint: " in done.stderr
