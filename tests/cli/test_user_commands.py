"""`hyperverse user`, `token`, `login`, `whoami`, `grant` and their kin, against a real machine."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hyperverse_core import Client
from hyperverse_core.errors import BadRequest, Unauthorized

pytestmark = pytest.mark.thorough

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def scott(talk: Run, space: str) -> tuple[str, str]:
    """The point and the token of a user of the test's own."""
    name = f"scott-{space}"
    point = talk("user", "add", name)
    assert (point.returncode, point.stderr) == (0, ""), point.stderr
    token = talk("user", "token", name, "--expires", "1h", "--label", "laptop")
    assert (token.returncode, token.stderr) == (0, "")
    assert len(token.stdout.splitlines()) == 1  # the token alone
    return point.stdout.strip(), token.stdout.strip()


def test_a_user_is_added_listed_and_removed(talk: Run, scott: tuple[str, str]) -> None:
    point, token = scott
    assert point.startswith("hyperspace:users:scott-")
    assert point in talk("user", "list").stdout.splitlines()
    assert talk("whoami", env={"HYPERVERSE_TOKEN": token}).stdout == f"{point}\n"
    name = point.rpartition(":")[2]
    assert talk("user", "remove", name).returncode == 0
    assert point not in talk("user", "list").stdout.splitlines()
    done = talk("whoami", env={"HYPERVERSE_TOKEN": token})
    assert done.returncode == 1 and "token" in done.stderr and token not in done.stderr


def test_a_user_whose_token_has_a_scope_is_told_where_it_shows(talk: Run, scott: tuple[str, str]) -> None:
    name = scott[0].rpartition(":")[2]
    narrow = talk("user", "token", name, "--scope", "{perm +csd-rwx on localhost+:**}").stdout.strip()
    who = talk("whoami", env={"HYPERVERSE_TOKEN": narrow})
    assert who.stdout == f"{scott[0]}\n"
    assert "scope {perm +csd-rwx on localhost+:**}" in who.stderr


def test_a_grant_is_made_explained_tried_and_revoked(talk: Run, scott: tuple[str, str], space: str) -> None:
    point, token = scott
    name = point.rpartition(":")[2]
    as_scott = {"HYPERVERSE_TOKEN": token}
    hits = talk("exec", f"create {space}:hits<Counter>").stdout.strip()
    assert "404" in talk("exec", f"ping {hits} Ext<Add>", env=as_scott).stderr  # it is hidden from him
    words = ("grant", "perm", "+csd-rwX", "on", hits, "to", point)
    tried = talk(*words, "--dry-run", "--json")
    assert json.loads(tried.stdout)["would_change"] == [
        {"agent": point, "point": hits, "now": "csd-rwx", "then": "csd-rwX"}
    ]
    granted = json.loads(talk(*words, "--json").stdout)
    assert talk("exec", f"ping {hits} Ext<Add>", env=as_scott).stdout == "1\n"
    told = talk("explain", name, "on", hits, "Ext<Add>").stdout.splitlines()
    assert told[:2] == [f"{point} on {hits}: csd-rwX", "Ext<Add>: allowed; it needs x"]
    assert any(line.startswith(f"* grant {granted['id']}: ") for line in told)
    assert point in talk("access", hits).stdout
    assert str(granted["id"]) in talk("grants", "to", point).stdout
    assert talk("revoke", str(granted["id"])).returncode == 0
    assert "404" in talk("exec", f"ping {hits} Ext<Add>", env=as_scott).stderr  # it is hidden from him
    refused = talk("grant", "super", "on", hits, "to", point, env=as_scott)
    assert refused.returncode == 1 and "a grantor needs super access" in refused.stderr


def test_a_token_is_listed_revoked_and_rotated(talk: Run, scott: tuple[str, str]) -> None:
    point, token = scott
    rows = json.loads(talk("token", "list", "--user", point, "--json").stdout)
    assert [(row["agent"], row["label"]) for row in rows] == [(point, "laptop")]
    done = talk("token", "rotate", rows[0]["id"])
    assert (done.returncode, done.stderr) == (0, "")
    assert talk("whoami", env={"HYPERVERSE_TOKEN": token}).returncode == 1
    assert talk("whoami", env={"HYPERVERSE_TOKEN": done.stdout.strip()}).stdout == f"{point}\n"
    (row,) = json.loads(talk("token", "list", "--user", point, "--json").stdout)
    assert talk("token", "revoke", row["id"]).returncode == 0
    assert talk("whoami", env={"HYPERVERSE_TOKEN": done.stdout.strip()}).returncode == 1


def test_login_keeps_a_token_for_the_commands_until_logout(talk: Run, scott: tuple[str, str]) -> None:
    point, token = scott
    assert talk("login", "--token-file", "-", stdin="wrong\n").returncode == 1
    assert talk("whoami").stdout == "hyperspace:users:hyperuser\n"
    assert talk("login", "--token-file", "-", stdin=f"{token}\n").stdout == f"logged in: {point}\n"
    try:
        assert talk("whoami").stdout == f"{point}\n"
    finally:
        assert talk("logout").stdout == "logged out\n"
    assert talk("whoami").stdout == "hyperspace:users:hyperuser\n"


def test_the_token_of_the_owner_is_rotated_in_its_file(talk: Run, shared_home: Path) -> None:
    file = shared_home / ".hyperverse" / "token"
    before = file.read_text().strip()
    done = talk("token", "rotate")
    assert (done.returncode, done.stderr) == (0, "")
    after = file.read_text().strip()
    assert after != before and after not in done.stdout
    assert (file.stat().st_mode & 0o777) == 0o600
    assert talk("whoami").stdout == "hyperspace:users:hyperuser\n"
    assert talk("whoami", env={"HYPERVERSE_TOKEN": before}).returncode == 1


def test_a_token_is_no_argument_of_any_command(talk: Run) -> None:
    for words in (("login", "secret"), ("login", "--token", "secret"), ("whoami", "--token", "secret")):
        assert talk(*words).returncode == 2


async def test_a_program_comes_in_with_the_token_of_a_user(
    talk: Run, scott: tuple[str, str], shared_home: Path
) -> None:
    point, token = scott
    async with Client.connect(data_dir=shared_home / ".hyperverse", token=token) as client:
        assert client.agent.text == point
    with pytest.raises(BadRequest, match="white space"):
        Client.connect(data_dir=shared_home / ".hyperverse", token=token + " ")
    with pytest.raises(Unauthorized):
        async with Client.connect(data_dir=shared_home / ".hyperverse", token=token + "x"):
            pass
