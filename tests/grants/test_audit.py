"""The audit log of a machine: what is in it, that a change shows, and what is refused when it cannot be written."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from hyperverse_core import Client, Config, Machine
from hyperverse_core.config import Audit
from hyperverse_core.data_dir.audit.files import AuditPlace
from hyperverse_core.data_dir.audit.reading import rows_of, verify
from hyperverse_core.data_dir.audit.writer import AuditWriter, Rotation
from hyperverse_core.errors import Unauthorized

START = Callable[..., Awaitable[Machine]]
ANN = "hyperspace:users:ann"
SCENE = (
    "create? hyperspace<Space>; create? hyperspace:users<UserBase<OAuth>>;"
    f"create {ANN}<User>; create localhost<Space>; create localhost:a<EchoParticle>"
)


@pytest.fixture
async def machine(start_machine: START) -> Machine:
    machine = await start_machine()
    await machine.client().exec(SCENE)
    return machine


def place_of(machine: Machine) -> AuditPlace:
    return AuditPlace.of(machine.data_dir, machine.name)


def rows(machine: Machine, event: str = "") -> list[dict[str, Any]]:
    return [row for row in rows_of(place_of(machine)) if row["event"] == event or not event]


async def status(machine: Machine, command: str, agent: str | None = None) -> int:
    client = machine.client() if agent is None else machine.client(agent)
    (result,) = await client.exec(command, check=False)
    return result.status


@pytest.mark.parametrize(
    ("command", "action", "target"),
    [
        ("create localhost:x<Base>", "create", "localhost"),
        ("delete localhost:a", "delete", "localhost"),
        ("select localhost:*", "select", "localhost"),
        ("get localhost:a{}", "get", "localhost:a"),
        ("set localhost:a{+k=v}", "set", "localhost:a"),
        ("ping localhost:a Ext<Hello>", "Ext<Hello>", "localhost:a"),
        (f"grant perm +csd-rwX on localhost:a to {ANN}", "grant", "localhost:a"),
        ("chown localhost:a to hyperspace:users:ann", "chown", "localhost:a"),
        ("access localhost:a", "access", "localhost:a"),
    ],
)
async def test_a_refusal_has_one_line_with_the_wave_and_the_reason(
    machine: Machine, command: str, action: str, target: str
) -> None:
    assert await status(machine, command, ANN) in (403, 404, 200)  # a select shows nothing
    (row,) = rows(machine, "denied")
    assert (row["agent"], row["action"], row["target"], row["outcome"]) == (ANN, action, target, "refused")
    assert row["why"].startswith(("403 ", "404 "))
    assert row["wave"] and row["session"]


async def test_what_a_wave_says_of_its_trace_is_in_the_line(machine: Machine) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    await machine.client(ANN).ping("localhost:a", "Ext<No>", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    assert rows(machine, "denied")[0]["trace"] == trace


async def test_administrative_acts_have_a_line_before_and_one_after(machine: Machine) -> None:
    client = machine.client()
    (made,) = await client.exec(f"grant perm +csd-Rwx on localhost:a to {ANN}")
    await client.exec(f"revoke {made.body['id']}; chown localhost:a to {ANN}")
    await client.exec("revoke 999999", check=False)
    issued = await client.ask("GLOBAL::users", "Ext<IssueToken>", {"agent": ANN, "label": "laptop"})
    await client.ask("GLOBAL::users", "Ext<RevokeToken>", {"id": issued["id"]})
    await client.ask("GLOBAL::machine", "Ext<Dump>")
    found = [(row["event"], row["outcome"]) for row in rows(machine)]
    for event in ("grant", "revoke", "chown", "token made", "token ended", "dump"):
        assert found[found.index((event, "asked")) + 1] == (event, "done")
    assert ("revoke", "failed") in found
    text = "".join(path.read_text() for path in place_of(machine).files())
    assert issued["token"] not in text
    assert verify(place_of(machine)).faults == ()


async def test_a_dry_run_and_a_granted_wave_leave_nothing(machine: Machine) -> None:
    await machine.client().exec(f"grant super on localhost to {ANN} dry-run; ping localhost:a Ext<Hello>", check=False)
    assert rows(machine) == []


async def test_one_agent_cannot_push_the_others_out(machine: Machine) -> None:
    for number in range(200):
        await status(machine, f"ping localhost:a Ext<M{number}>", ANN)
    for _ in range(50):
        await status(machine, "get localhost:a{}", ANN)
    await machine.stop()
    assert len(rows(machine, "denied")) == 20
    (folded,) = rows(machine, "folded")
    assert (folded["agent"], folded["of"], folded["count"]) == (ANN, "denied", 230)


async def test_nobody_forges_a_line_or_sends_escapes_to_a_terminal(machine: Machine) -> None:
    evil = '\x1b[2J\r\n{"n":1,"event":"grant","mac":"' + "0" * 64 + '"}\u2028'
    await machine.client(ANN).ping("localhost:a", "Ext<No>", evil, headers={"traceparent": evil})
    await machine.client().ask("GLOBAL::users", "Ext<IssueToken>", {"agent": ANN, "label": "x" * 100})
    raw = b"".join(path.read_bytes() for path in place_of(machine).files())
    assert all(byte == 10 or 32 <= byte < 127 for byte in raw)
    assert verify(place_of(machine)).faults == ()
    assert rows(machine, "grant") == []


async def test_files_are_their_owners_alone(machine: Machine) -> None:
    before = os.umask(0)
    try:
        await status(machine, "get localhost:a{}", ANN)
    finally:
        os.umask(before)
    place = place_of(machine)
    for path in (*place.files(), place.key, place.head):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.directory.stat().st_mode) == 0o700


async def test_acts_are_refused_when_the_log_cannot_be_written_and_the_status_says_why(
    start_machine: START, machine_config: Config, tmp_path: Path
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("in the way")
    machine = await start_machine(config=attrs.evolve(machine_config, audit=Audit(directory=blocked / "audit")))
    client = machine.client()
    await client.exec(SCENE)
    found = await client.ask("GLOBAL::machine", "Ext<Status>")
    (trouble,) = [row for row in found["troubles"] if row["what"] == "the audit log"]
    assert "blocked" in trouble["cause"]
    for command in (f"grant perm +csd-Rwx on localhost:a to {ANN}", f"chown localhost:a to {ANN}", "revoke 1"):
        (result,) = await client.exec(command, check=False)
        assert (result.status, "audit log" in result.error) == (503, True)
    for method in ("Ext<Drain>", "Ext<Dump>"):
        assert (await client.ping("GLOBAL::machine", method)).status == 503
    assert (await client.ping("GLOBAL::users", "Ext<IssueToken>", {"agent": ANN})).status == 503
    assert await client.exec("grants") and not (await client.exec("grants"))[0].body
    assert (await client.exec("get localhost:a{}"))[0].ok
    assert await status(machine, "get localhost:a{}", ANN) == 404

    blocked.unlink()
    assert await status(machine, f"grant perm +csd-Rwx on localhost:a to {ANN}") == 200
    found = await client.ask("GLOBAL::machine", "Ext<Status>")
    assert not [row for row in found["troubles"] if row["what"] == "the audit log"]
    place = AuditPlace.of(machine.data_dir, machine.name, blocked / "audit")
    assert next(rows_of(place))["event"] == "lost"


async def test_a_machine_may_keep_no_log(start_machine: START, machine_config: Config) -> None:
    machine = await start_machine(config=attrs.evolve(machine_config, audit=Audit(enabled=False)))
    await machine.client().exec(SCENE)
    assert await status(machine, "get localhost:a{}", ANN) == 404
    assert await status(machine, f"grant perm +csd-Rwx on localhost:a to {ANN}") == 200
    assert not (machine.data_dir / "audit").exists()


# -- the chain ------------------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path) -> AuditPlace:
    return AuditPlace.of(tmp_path, "local")


def written(place: AuditPlace, count: int, rotation: Rotation | None = None, clock: Any = None) -> None:
    writer = AuditWriter(place, rotation or Rotation(), clock) if clock else AuditWriter(place, rotation or Rotation())
    for number in range(count):
        writer.append({"event": "denied", "agent": f"agent {number}"})
    writer.close()


def _edit(place: AuditPlace) -> None:
    path = place.files()[0]
    path.write_text(path.read_text().replace("agent 3", "agent 4"))


def _cut_out(place: AuditPlace) -> None:
    path = place.files()[0]
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3] + lines[4:]))


def _cut_off(place: AuditPlace) -> None:
    path = place.files()[-1]
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-2]))


def _swap(place: AuditPlace) -> None:
    path = place.files()[0]
    lines = path.read_text().splitlines(keepends=True)
    lines[2], lines[3] = lines[3], lines[2]
    path.write_text("".join(lines))


def _add(place: AuditPlace) -> None:
    path = place.files()[-1]
    row = {"n": 99, "event": "grant", "mac": "0" * 64}
    with path.open("a") as stream:
        stream.write(json.dumps(row, separators=(",", ":")) + "\n")


def _remove_all(place: AuditPlace) -> None:
    for path in place.files():
        path.unlink()


def _remove_first(place: AuditPlace) -> None:
    place.files()[0].unlink()


def _forge_head(place: AuditPlace) -> None:
    place.head.write_text(place.head.read_text().replace('"n":', '"n":1'))


@pytest.mark.parametrize("change", [_edit, _cut_out, _cut_off, _swap, _add, _remove_all, _remove_first, _forge_head])
@pytest.mark.parametrize("go_on", [False, True], ids=["at-rest", "and-written-on"])
def test_a_change_shows(place: AuditPlace, change: Callable[[AuditPlace], None], go_on: bool) -> None:
    written(place, 12, Rotation(size=700))
    assert verify(place).faults == ()
    change(place)
    if go_on:
        written(place, 3)
    assert verify(place).faults


def test_a_log_goes_on_after_a_restart_and_after_a_crash(place: AuditPlace) -> None:
    written(place, 3)
    with place.files()[-1].open("a") as stream:
        stream.write('{"n":5,"event":"den')  # the machine was killed in the middle of a line
    written(place, 3)
    verdict = verify(place)
    assert (verdict.faults, verdict.lines) == ((), 7)


def test_a_file_ends_by_size_and_by_age_and_old_ones_go(place: AuditPlace) -> None:
    written(place, 40, Rotation(size=600, keep=3))
    assert len(place.files()) == 4
    verdict = verify(place)
    assert verdict.faults == ()
    times = iter(range(0, 1000, 10))
    written(place, 5, Rotation(age=15.0), lambda: float(next(times)))
    assert len(place.files()) > 5
    assert verify(place).faults == ()


# -- over a socket, and from the command line -----------------------------------------------------------


async def test_who_comes_and_goes_is_written_down(tmp_path: Path) -> None:
    config = Config(name="alpha", data_dir=tmp_path / "data")
    async with Machine(config) as machine:
        async with Client.connect(tmp_path / "data") as client:
            await client.exec("create localhost<Space>")
        with pytest.raises(Unauthorized):
            async with Client.connect(tmp_path / "data", token="x" * 43):
                pass
        place = place_of(machine)
    found = {row["event"]: row for row in rows_of(place)}
    assert found["login"]["agent"] == found["logout"]["agent"] == "hyperspace:users:hyperuser"
    assert "not known" in found["login refused"]["why"]
    assert "x" * 43 not in "".join(path.read_text() for path in place.files())

    hyperverse = [sys.executable, "-m", "hyperverse_core.cli", "--data-dir", str(tmp_path / "data")]

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*hyperverse, *words], capture_output=True, text=True, timeout=60, cwd=tmp_path)

    assert '"login refused"' in run("audit", "tail", "--json").stdout
    shown = run("audit", "show", "--event", "login").stdout.splitlines()
    assert len(shown) == 1 and "hyperspace:users:hyperuser" in shown[0]
    assert run("audit", "verify").returncode == 0
    _edit_any(place)
    verdict = run("audit", "verify")
    assert (verdict.returncode, "was changed" in verdict.stderr) == (1, True)


def _edit_any(place: AuditPlace) -> None:
    path = place.files()[0]
    path.write_text(path.read_text().replace("login refused", "login allowed"))
