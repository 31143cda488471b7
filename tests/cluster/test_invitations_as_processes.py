"""New hosts come in with an invitation: each has a data directory of its own, and they share a registry."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from hyperverse_core import Client
from hyperverse_core.client.api import ClientApi
from hyperverse_core.errors import Forbidden
from patience import LEASE, PATIENCE, START
from postgres_server import Database
from thoroughness import THOROUGH

pytestmark = pytest.mark.thorough


@attrs.frozen
class Host:
    """A data directory of its own."""

    folder: Path
    environ: dict[str, str]

    def run(self, *words: str, fails: bool = False, stdin: str = "", **variables: str) -> str:
        """Runs a command and returns what it prints on stdout; what on stderr when it is to fail."""
        done = subprocess.run(
            [sys.executable, "-m", "hyperverse_core.cli", *words],
            cwd=self.folder,
            env=self.environ | variables,
            capture_output=True,
            text=True,
            timeout=START,
            input=stdin,
        )
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return done.stderr if fails else done.stdout

    @property
    def data_dir(self) -> Path:
        return self.folder / ".hyperverse"

    def connect(self, **options: Any) -> ClientApi:
        return Client.connect(self.data_dir, **options)


@pytest.fixture(params=["sqlite", "postgres"] if THOROUGH else ["postgres"])
def hosts(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Host]]:
    environ = dict(os.environ)
    if request.param == "postgres":
        database: Database = request.getfixturevalue("database")
        environ |= {"HYPERVERSE__REGISTRY__URL": database.url, "HYPERVERSE__REGISTRY__SCHEMA": database.schema}
    else:
        environ |= {"HYPERVERSE__REGISTRY__URL": f"sqlite:///{tmp_path}/registry.sqlite"}
    environ |= {"HYPERVERSE__LANES__ADDRESS": "tcp://127.0.0.1:*", "HYPERVERSE__LEASE": str(LEASE)}
    made = []
    for name in ("alpha", "beta", "gamma"):
        folder = tmp_path / name
        (folder / ".hyperverse").mkdir(parents=True)
        made.append(Host(folder, environ))
    yield made
    for host in made:
        for pid in host.data_dir.glob("machines/*/pid"):
            try:
                os.kill(int(pid.read_text()), signal.SIGKILL)
            except (OSError, ValueError):
                pass


async def lanes_are(client: ClientApi, *names: str) -> None:
    """Waits until the machine has lanes to exactly those, and each is up."""
    async with asyncio.timeout(PATIENCE):
        while {lane["machine"]: lane["state"] for lane in (await client.status())["lanes"]} != dict.fromkeys(  # noqa: ASYNC110
            names, "up"
        ):
            await asyncio.sleep(0.02)


async def test_hosts_come_in_with_invitations_and_one_is_removed_from_all(hosts: list[Host]) -> None:
    alpha, beta, gamma = hosts
    alpha.run("up", "--name", "alpha", "--detach")
    first, second = (alpha.run("machines", "invite") for _ in range(2))
    assert first.count("\n") == 1 and first != second
    (beta.folder / "invitation").write_text(first)
    assert first.strip() not in beta.run("up", "--name", "beta", "--detach", "--invitation", "invitation")
    gamma.run("up", "--name", "gamma", "--detach", HYPERVERSE_INVITATION=second.strip())
    async with alpha.connect() as one, beta.connect() as two, gamma.connect() as three:
        await asyncio.gather(
            lanes_are(one, "beta", "gamma"), lanes_are(two, "alpha", "gamma"), lanes_are(three, "alpha", "beta")
        )
        # Who joins looks after the machines there, and is not the hyperuser of the whole.
        assert (await two.ping("GLOBAL::executor", "Cmd<Command>", {"text": "create mine<Space>"})).status == 403
        with pytest.raises(Forbidden):
            await two.ask("GLOBAL::machine", "Ext<Invite>", {})

        await asyncio.to_thread(alpha.run, "machines", "remove", "beta")
        await asyncio.gather(lanes_are(one, "gamma"), lanes_are(three, "alpha"))
        assert {star["machine"] for star in await one.stars()} == {"alpha", "gamma"}
        async with asyncio.timeout(PATIENCE):
            while list(beta.data_dir.glob("machines/beta/pid")):  # noqa: ASYNC110  # it stops by itself
                await asyncio.sleep(0.05)
    audit = "".join(path.read_text() for path in (alpha.data_dir / "audit").rglob("*.jsonl"))
    assert "machine invited" in audit and "machine removed" in audit
    for secret in (first, second):
        assert secret.strip() not in audit
        assert not any(secret.strip() in path.read_text() for path in alpha.folder.rglob("*.log"))


def test_an_invitation_that_lets_nobody_in_is_told_apart_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    """By --join and the URL of a registry, each time with the same data directory, which comes in in the end."""
    url = f"sqlite:///{tmp_path}/registry.sqlite"
    environ = os.environ | {"HYPERVERSE__LANES__ADDRESS": "tcp://127.0.0.1:*", "HYPERVERSE__LEASE": str(LEASE)}
    alpha, beta = (Host(tmp_path / name, environ) for name in ("alpha", "beta"))
    for host in (alpha, beta):
        host.data_dir.mkdir(parents=True)
    good, late, empty, cut = (tmp_path / name for name in ("good", "late", "empty", "cut"))
    up = ("up", "--name", "beta", "--detach")
    alpha.run("up", "--name", "alpha", "--detach", HYPERVERSE__REGISTRY__URL=url)
    try:
        for file, words in ((good, ()), (late, ("--minutes", "0.0001"))):
            file.write_text(alpha.run("machines", "invite", *words))
        empty.write_text("\n")
        cut.write_text(good.read_text()[:20])
        assert "none is configured" in beta.run(*up, "--invitation", str(good), fails=True)
        assert list(beta.data_dir.iterdir()) == []
        joins = (*up, "--join", url, "--invitation")
        refusals = [
            beta.run(*joins, str(empty), fails=True),
            beta.run(*joins, str(cut), fails=True),
            beta.run(*joins, str(late), fails=True),
            beta.run(*up, "--invitation", str(good), fails=True, HYPERVERSE__REGISTRY__URL=f"{url}.other"),
        ]
        for said, part in zip(
            refusals, ("is empty", "20 characters", "has expired", "there is no registry"), strict=True
        ):
            assert part in said and "hint:" in said
            assert good.read_text()[4:20] not in said
        beta.run(*joins, "/dev/stdin", stdin=good.read_text())  # which can be read only once
        assert "403" in beta.run("exec", "create mine<Space>", fails=True), "who joins is no hyperuser"
        assert ["beta", "up"] in [line.split()[:2] for line in alpha.run("machines").splitlines()]
        beta.run("down")
        beta.run(*joins, str(good))  # it is in: what it came in with counts no more
        beta.run("down")
    finally:
        alpha.run("down")
