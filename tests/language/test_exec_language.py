"""The language on the command line: files, places of errors, and what is printed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.conftest import shared, shared_home, space, talk  # noqa: F401 - fixtures

pytestmark = pytest.mark.thorough

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_a_command_takes_a_file_with_it(talk: Run, space: str, shared_home: Path) -> None:  # noqa: F811
    (shared_home / "body.json").write_bytes(b"\x00\xff bytes")
    script = shared_home / "scripts" / "x.hv"
    script.parent.mkdir(exist_ok=True)
    (script.parent / "beside.bin").write_bytes(b"beside the script")
    script.write_text(f"create {space}:c<Counter>;\nwrite {space}:c ^[ beside.bin ];\n")
    for words in (["-f", str(script)], [f"write {space}:c ^[ body.json ]"]):
        assert "has no handler for Cmd<Update>" in talk("exec", *words).stderr  # it came as far as the particle
    missing = talk("exec", f"write {space}:c ^[ nowhere.bin ]")
    assert missing.returncode == 1
    assert "the command needs the file 'nowhere.bin', which was not sent with it" in missing.stderr


def test_a_wrong_bind_is_shown_with_its_line_and_a_caret(talk: Run, space: str) -> None:  # noqa: F811
    script = f"""
create {space}:app<App>{{
  +bind='Bind(version=1.0.0) {{
    Route<Http<Gett>>/users -> (()) => &;
  }}',
  +config={space}
}};
"""
    done = talk("exec", "-", stdin=script)
    assert done.returncode == 1
    what, text, caret = done.stderr.splitlines()[:3]
    assert what.startswith("error: 400 the bind in 'bind' is wrong: line 2, column ")
    assert text.strip() == "Route<Http<Gett>>/users -> (()) => &;"
    assert text[caret.index("^") :].startswith("Gett")
    good = talk("exec", "-", "--quiet", stdin=script.replace("Gett", "Get"))
    assert (good.returncode, good.stdout) == (0, f"{space}:app\n"), good.stderr


def test_a_script_that_was_cut_off_does_not_run_its_last_command(talk: Run, space: str, tmp_path: Path) -> None:  # noqa: F811
    cut = f"create {space}:a<Base>;\ncreate {space}:b<Base>"
    script = tmp_path / "x.hv"
    script.write_text(cut)
    done = talk("exec", "-f", str(script))
    assert (done.returncode, done.stdout) == (1, f"{space}:a\n")
    assert done.stderr.startswith("error: 400 line 2, column ") and "the last command does not end with" in done.stderr
    script.write_text(f"create {space}:b<Base>")
    assert (talk("exec", "-f", str(script)).returncode, talk("exec", "-", stdin=script.read_text()).returncode) == (
        1,
        1,
    )
    typed = talk("exec", cut.replace(":a<", ":c<"))
    assert (typed.returncode, typed.stdout) == (0, f"{space}:c\n{space}:b\n")


def test_an_error_in_a_script_has_its_place_in_the_file(talk: Run, space: str, tmp_path: Path) -> None:  # noqa: F811
    script = tmp_path / "x.hv"
    script.write_text(f"create {space}:a<Base>;\n\n  set {space}:a{{ +x= 1 }};\ncreate {space}:b<Base>;\n")
    done = talk("exec", "-f", str(script))
    assert (done.returncode, done.stdout) == (1, f"{space}:a\n")
    what, text, caret = done.stderr.splitlines()[:3]
    assert what.startswith(f"error: 400 line 3, column {len(space) + 15}: unexpected ")
    assert what.endswith("expected a value directly after '='")
    assert text == f"    set {space}:a{{ +x= 1 }};"
    assert caret.index("^") == text.index(" 1 }") + 1
    (_, failed) = [json.loads(line) for line in talk("exec", "-f", str(script), "--json", "-k").stdout.splitlines()]
    assert {"error", "line", "column", "expected", "caret"} <= failed["body"].keys()


def test_what_a_selector_has_reached_is_printed_point_by_point(talk: Run, space: str) -> None:  # noqa: F811
    talk("exec", f"create {space}:a<Base>; create {space}:b<Base>; create {space}:b:c<Base>;")
    assert talk("exec", f"set {space}:*{{}}").stdout == f"{space}:a\n{space}:b\n"
    assert set(talk("exec", "--yes", f"delete {space}:*").stdout.split()) == {
        f"{space}:a",
        f"{space}:b",
        f"{space}:b:c",
    }


def test_names_with_a_number_are_printed_as_they_were_made(talk: Run, space: str) -> None:  # noqa: F811
    done = talk("exec", f"create {space}:x-%<Base>; create {space}:x-%<Base>;")
    assert done.stdout == f"{space}:x-1\n{space}:x-2\n"
