"""`[portal]` in a file and `hyperverse up --portal`, as the real program takes them."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from cli.conftest import program
from portal.web import ask

pytestmark = pytest.mark.thorough


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


async def test_the_option_opens_the_portal_that_the_file_describes(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    port = free_port()
    hosts = '[portal.hosts]\n"root.example" = "hyperspace"\n'
    (home / "hyperverse.toml").write_text(f'[portal]\naddress = "127.0.0.1:{port}"\n{hosts}')
    run = program(home)
    try:
        closed = run("up", "--detach", "--json")
        assert closed.returncode == 0 and "portal" not in json.loads(closed.stdout)["gateways"], closed.stderr
        assert run("down").returncode == 0
        opened = run("up", "--detach", "--portal", "--json")
        assert opened.returncode == 0, opened.stderr
        said = json.loads(opened.stdout)
        address = said["gateways"]["portal"]
        assert address == f"http://127.0.0.1:{port}/-/" and said["invitations"]["portal"].startswith(address)
        token = next(home.rglob("token")).read_text().strip()
        got = await ask(address, "GET", "/", token=token, host="root.example")
        assert got.status == 404 and "no handler for Http<Get>" in got.json["error"]
    finally:
        run("down")


def test_what_is_wrong_in_the_table_is_named(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "hyperverse.toml").write_text('[portal]\nenabled = true\nadress = "x"\n')
    refused = program(home)("up", "--detach")
    assert refused.returncode != 0
    assert "[portal] no setting 'adress'; did you mean 'address'?" in refused.stderr
