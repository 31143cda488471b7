"""`hyperverse context`: several constellations, each by its name and with a token of its own."""

from __future__ import annotations

import io
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.conftest import detached, program, variables
from hyperverse_core.cli import run

pytestmark = pytest.mark.thorough

Run = Callable[..., subprocess.CompletedProcess[str]]
ADA = "hyperspace:users:ada"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the machine of another constellation runs."""
    folder = tmp_path_factory.mktemp("other")
    machine = detached(folder)
    next(machine)
    yield folder
    next(machine, None)


@pytest.fixture(scope="module")
def token(shared: object, shared_home: Path) -> str:
    """The token of a user of the shared machine."""
    talk = program(shared_home)
    assert talk("user", "add", "ada").returncode == 0
    return talk("user", "token", "ada").stdout.strip()


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """The folder of somebody who runs no machine, with a home of her own."""
    path = tmp_path / "desk"
    path.mkdir()
    return path


@pytest.fixture
def sit(desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The program, at that desk. It runs in this process: a process for each of these commands would take a minute."""
    for name in [name for name in os.environ if name.startswith(("HYPERVERSE", "XDG_"))]:
        monkeypatch.delenv(name)
    for name, value in variables(desk).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(desk)

    def sit(*words: str, env: dict[str, str] | None = None, stdin: str = "") -> subprocess.CompletedProcess[str]:
        capsys.readouterr()
        with monkeypatch.context() as once:
            for name, value in (env or {}).items():
                once.setenv(name, value)
            once.setattr("sys.stdin", io.StringIO(stdin))
            code = run(words)
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(words, code, out, err)

    return sit


def said(done: subprocess.CompletedProcess[str], code: int = 0) -> str:
    """What a command has printed; that it has ended as expected."""
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if code else done.stdout.strip()


def test_commands_go_to_the_context_that_is_chosen(
    sit: Run, desk: Path, shared: object, shared_home: Path, other: Path, token: str
) -> None:
    one, two = str(shared_home / ".hyperverse"), str(other / ".hyperverse")
    assert said(sit("context", "add", "one", "--data-dir", one, "--token-file", "-", stdin=f"{token}\n")) == (
        f"added: one, as {ADA}"
    )
    assert said(sit("context", "add", "two", "--data-dir", two)) == "added: two"
    assert [row["name"] for row in json.loads(said(sit("context", "list", "--json")))] == ["one", "two"]

    assert said(sit("whoami", "--context", "one")) == ADA
    assert said(sit("whoami", env={"HYPERVERSE_CONTEXT": "one"})) == ADA
    assert json.loads(said(sit("whoami", "--json", "--context", "one")))["context"] == "one"
    assert said(sit("--context", "two", "whoami")).endswith("hyperuser"), "a context without a token has the owner's"
    said(sit("whoami"), 3)

    assert said(sit("context", "use", "one")) == "in use: one"
    assert said(sit("whoami")) == ADA
    assert said(sit("whoami", "--context", "two")).endswith("hyperuser")
    assert said(sit("whoami", "--data-dir", two)).endswith("hyperuser"), "what is named counts more than what is in use"
    assert said(sit("whoami", env={"HYPERVERSE__DATA_DIR": two})).endswith("hyperuser")
    shown = json.loads(said(sit("context", "show", "--json")))
    assert (shown["name"], shown["where"], shown["token"], shown["in_use"]) == ("one", one, True, True)
    assert said(sit("context", "use", "--none")) == "no context is in use"
    said(sit("whoami"), 3)

    files = [path for path in (desk / ".config").rglob("*") if path.is_file()]
    assert files and all(path.stat().st_mode & 0o777 == 0o600 for path in files)
    told = (
        sit("context", "show", "one").stdout + sit("context", "list").stdout + sit("context", "list", "--json").stdout
    )
    assert token not in told
    assert said(sit("context", "remove", "one")) == "removed: one"
    assert "two" in said(sit("whoami", "--context", "one"), 1)


def test_login_and_logout_know_the_context(sit: Run, shared: object, shared_home: Path, token: str) -> None:
    said(sit("context", "add", "one", "--data-dir", str(shared_home / ".hyperverse")))
    assert said(sit("login", "--context", "one", "--token-file", "-", stdin=token)) == f"logged in: {ADA}"
    assert said(sit("whoami", "--context", "one")) == ADA
    assert said(sit("whoami", "--data-dir", str(shared_home / ".hyperverse"))).endswith("hyperuser")
    assert said(sit("logout", "--context", "one")) == "logged out"
    assert said(sit("logout", "--context", "one")) == "you were not logged in"
    assert said(sit("whoami", "--context", "one")).endswith("hyperuser")


def test_a_token_is_shown_to_no_machine_with_another_key(
    sit: Run, desk: Path, shared: object, shared_home: Path, other: Path, token: str
) -> None:
    said(sit("context", "add", "one", "--data-dir", str(shared_home / ".hyperverse"), "--token-file", "-", stdin=token))
    (file,) = (desk / ".config").rglob("one.json")
    kept = json.loads(file.read_text())
    file.write_text(json.dumps({**kept, "data_dir": str(other / ".hyperverse")}))
    refused = said(sit("whoami", "--context", "one"), 1)
    assert "saved for a different key" in refused and "hyperverse login --context one" in refused
    assert token not in refused
    elsewhere = sit("context", "add", "x", "--data-dir", str(other / ".hyperverse"), "--token-file", "-", stdin=token)
    assert "not known" in said(elsewhere, 1)
    assert said(sit("context", "list", "--json")).count('"name"') == 1, "what was refused is not kept"


def test_a_context_may_be_an_address_with_its_key(
    sit: Run, shared: object, shared_home: Path, other: Path, token: str
) -> None:
    control = json.loads((shared_home / ".hyperverse/machines/local/control.json").read_text())
    wrong = json.loads((other / ".hyperverse/machines/local/control.json").read_text())["door_key"]
    where = ("--address", control["address"], "--server-key")
    assert "--server-key" in said(sit("context", "add", "far", "--address", control["address"]), 2)
    shown = json.loads(said(sit("context", "show", "--json", "--data-dir", str(shared_home / ".hyperverse"))))
    assert shown["server_key"] == control["door_key"]
    said(sit("context", "add", "far", *where, control["door_key"], "--token-file", "-", stdin=token))
    assert said(sit("whoami", "--context", "far")) == ADA
    assert "needs a data directory" in said(sit("logs", "--context", "far"), 2)
    assert sit("context", "add", "false", *where, wrong, "--token-file", "-", stdin=token).returncode in (1, 3)
    said(sit("context", "add", "bare", *where, control["door_key"]))
    assert "no token was shown" in said(sit("whoami", "--context", "bare"), 1)


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (("context", "add", "No Name"), 1, "lower-case letters"),
        (("context", "add", "../../x"), 1, "lower-case letters"),
        (("context", "use", "nowhere"), 1, "hyperverse context add"),
        (("context", "use"), 2, "--none"),
        (("context", "remove", "nowhere"), 1, "hyperverse context add"),
        (("context", "show", "nowhere"), 1, "hyperverse context add"),
        (("whoami", "--context", "nowhere"), 1, "there is none yet"),
        (("whoami", "--context", "a", "--data-dir", "b"), 2, "not both"),
        (("context", "add", "a", "--server-key", "k"), 2, "need --address"),
        (("context", "add", "a", "--data-dir", "b", "--address", "c", "--server-key", "k"), 2, "not for both"),
        (("login", "--token-file", "nowhere"), 2, "cannot be read"),
    ],
)
def test_bad_words_get_an_answer_that_helps(sit: Run, words: tuple[str, ...], code: int, hint: str) -> None:
    assert hint in said(sit(*words), code)


@pytest.mark.parametrize("text", ["", "  \n", "two words", "two\nlines"])
def test_what_is_no_token_is_not_tried(sit: Run, text: str) -> None:
    assert "token" in said(sit("login", "--token-file", "-", stdin=text), 2)


def test_a_damaged_file_is_named_and_can_be_removed(sit: Run, desk: Path) -> None:
    said(sit("context", "add", "a", "--data-dir", "x"))
    (file,) = (desk / ".config").rglob("a.json")
    for content in ("{", "[]", '{"token": 3}', '{"colour": "red"}'):
        file.write_text(content)
        refused = said(sit("whoami", "--context", "a"), 2)
        assert "is damaged" in refused and "context remove a" in refused
    said(sit("context", "remove", "a"))
    said(sit("context", "add", "a", "--data-dir", "x"))
    file.chmod(0o666)
    assert "others can write" in said(sit("whoami", "--context", "a"), 2)
