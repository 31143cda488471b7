"""`hyperverse keys` where no machine runs: keys of machines are shown, let in and removed."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from cli.conftest import Run

pytestmark = pytest.mark.thorough

KEY = "-W1!p(x)>&".ljust(40, "k")


@pytest.fixture
def data_dir(home: Path) -> Path:
    """One that commands find without an option, of machines whose keys have letters that a shell takes for others."""
    path = home / ".hyperverse"
    (home / "hyperverse.toml").write_text('[lanes]\ndriver = "zmq"\n')
    path.mkdir()
    return path


def kept(run: Run) -> dict[str, str]:
    """The keys that are let in."""
    known: dict[str, str] = json.loads(run("keys", "show", "--json").stdout)
    return known


@pytest.mark.parametrize("name", ["C", "", "../x", "a b", "a.b"])
def test_a_key_is_not_allowed_for_what_cannot_be_a_machine(run: Run, data_dir: Path, name: str) -> None:
    done = run("keys", "allow", name, "--", KEY)
    assert done.returncode == 1
    assert f"error: {name!r} is not the name of a machine" in done.stderr
    assert "hint: a name has lower-case letters and digits" in done.stderr
    assert list(data_dir.iterdir()) == []


@pytest.mark.parametrize("key", ["short", "-abc", "", "k" * 39, "k" * 41, "k" * 39 + " ", "k" * 39 + ";"])
def test_what_is_not_a_key_is_not_allowed(run: Run, data_dir: Path, key: str) -> None:
    done = run("keys", "allow", "a", "--", key)
    assert done.returncode == 1
    assert f"error: {key!r} is not the public key of a machine" in done.stderr
    assert "hint: a key has 40 characters" in done.stderr
    assert list(data_dir.iterdir()) == []


def test_a_key_of_another_transport_is_not_allowed(run: Run, home: Path) -> None:
    (home / ".hyperverse").mkdir()
    done = run("keys", "allow", "a", "--", KEY)
    assert done.returncode == 1
    assert "is not a key of the transport 'stream'" in done.stderr and "hint: a key has 43 letters" in done.stderr
    assert run("keys", "allow", "a", "k" * 43).returncode == 0
    assert kept(run) == {"a": "k" * 43}


def test_a_new_key_of_a_machine_takes_the_place_of_the_old_one(run: Run, data_dir: Path) -> None:
    for key in ("k" * 40, "k" * 40, KEY):
        assert run("keys", "allow", "a", "--", key).returncode == 0
        assert kept(run) == {"a": key}


def test_a_key_has_one_name(run: Run, data_dir: Path) -> None:
    run("keys", "allow", "a", "--", KEY)
    done = run("keys", "allow", "b", "--", KEY)
    assert done.returncode == 1
    assert "error: this key already belongs to machine 'a', so it cannot belong to 'b'" in done.stderr
    assert "hyperverse keys remove a" in done.stderr
    assert kept(run) == {"a": KEY}


def test_removing_a_key_touches_nothing_but_keys_of_machines(run: Run, data_dir: Path) -> None:
    run("keys", "allow", "a", "--", KEY)
    (data_dir / "keys" / "x.pub").write_text("not a machine's")
    assert run("keys", "remove", "../x").returncode == 1
    assert (data_dir / "keys" / "x.pub").exists()


@pytest.mark.parametrize("args", [["show"], ["allow", "a", "k" * 40], ["remove", "a"]])
def test_keys_need_a_data_directory(run: Run, home: Path, args: list[str]) -> None:
    done = run("keys", *args, "--data-dir", str(home / "nowhere"))
    assert done.returncode == 1
    assert f"error: there is no data directory '{home / 'nowhere'}'" in done.stderr
    assert "hint:" in done.stderr
    assert not (home / "nowhere").exists()


@pytest.mark.parametrize("key", [KEY, "W1!p(x)>&".ljust(40, "k")])
def test_keys_are_shown_as_the_command_that_a_shell_takes(run: Run, data_dir: Path, key: str) -> None:
    run("keys", "allow", "a", "--", key)
    command = run("keys", "show").stdout.splitlines()[1].partition("hyperverse ")[2]
    run("keys", "remove", "a")
    assert f"'{key}'" in command
    assert run(*shlex.split(command)).returncode == 0
    assert kept(run) == {"a": key}
