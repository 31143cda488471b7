"""`hyperverse trace` and `hyperverse dump` against a real machine in a process of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.thorough

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def hits(talk: Run, space: str) -> str:
    """A Counter of the test's own."""
    done = talk("exec", f"create {space}:hits<Counter>")
    assert done.returncode == 0, done.stderr
    return f"{space}:hits"


def test_trace_prints_the_hops_of_a_wave(talk: Run, hits: str) -> None:
    done = talk("trace", hits, "Ext<Add>", '{"by": 3}')
    assert (done.returncode, done.stderr) == (0, "")
    first, wave, *events = done.stdout.splitlines()
    assert first.startswith("trace ")
    assert wave == f"Ping {hits} Ext<Add>"
    assert [line.split()[2] for line in events] == ["begun", "sent", "delivered", "answered"]
    seconds = [float(line.split()[0]) for line in events]
    assert seconds[0] == 0.0 and seconds == sorted(seconds)
    assert {line.split()[1] for line in events} == {"local"}
    assert "200 ok, handler ran " in events[2]
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    assert talk("exec", f"ping {hits} Ext<Add>").stdout == "4\n"


def test_trace_prints_json(talk: Run, hits: str) -> None:
    found = json.loads(talk("trace", hits, "Ext<Add>", "--json").stdout)
    assert {"trace", "waves", "left_out", "silent"} == found.keys()
    (wave,) = found["waves"]
    assert (wave["kind"], wave["to"], wave["depth"]) == ("Ping", hits, 0)
    assert [event["event"] for event in wave["events"]] == ["begun", "sent", "delivered", "answered"]


def test_trace_sends_signals_and_ripples(talk: Run, hits: str, space: str) -> None:
    assert f"Signal {hits} Ext<Add>" in talk("trace", "--as", "signal", hits, "Ext<Add>").stdout
    lines = talk("trace", "--as", "ripple", f"{space}:*", "Ext<Add>").stdout.splitlines()
    assert lines[1] == f"Ripple {space}:* Ext<Add>"
    assert any("delivered" in line and hits in line for line in lines)


def test_trace_shows_why_a_wave_is_refused(talk: Run, space: str) -> None:
    done = talk("trace", f"{space}:nobody", "Ext<Add>")
    assert done.returncode == 0
    assert f"refused    404 rejected, no particle '{space}:nobody'" in done.stdout


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("localhost", "Add"), "'Add' is not a method"),
        (("no point", "Ext<Add>"), "unexpected"),
        (("localhost", "Ext<Add>", "{1"), "bad JSON"),
        (("localhost", "Ext<Add>", "1; 2"), "more text after the body"),
        (("localhost", "Ext<Add>", "^[ file.txt ]"), "cannot carry a file"),
        (("localhost", "Ext<Add>", "--wait", "0"), "--wait"),
    ],
)
def test_trace_says_what_it_cannot_send(talk: Run, shared: dict[str, Any], args: tuple[str, ...], said: str) -> None:
    done = talk("trace", *args)
    assert done.returncode in (1, 2)
    assert said in done.stderr


def test_dump_prints_the_memory_of_a_machine(talk: Run, hits: str) -> None:
    talk("exec", f"ping {hits} Ext<Add>")
    done = talk("dump")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("machine local: ")
    (row,) = [line.split() for line in done.stdout.splitlines() if line.endswith(hits)]
    assert (row[0], row[1], row[2], row[-3:]) == ("0", "0", "0", ["ready", "Counter", hits])
    assert "ENTRIES  CACHE" in done.stdout
    assert "more activations" in talk("dump", "--limit", "1").stdout


def test_dump_prints_json_of_the_machine_that_is_named(talk: Run, hits: str) -> None:
    found = json.loads(talk("dump", "local", "--json", "--limit", "2").stdout)
    assert found["machine"] == "local"
    assert len(found["activations"]) == 2
    assert found["activations_left_out"] == found["activations_total"] - 2
    assert talk("dump", "nobody").returncode == 3


def test_both_are_refused_for_anybody_but_the_hyperuser(run: Run, home: Path) -> None:
    (home / ".hyperverse").mkdir()
    (home / "hyperverse.toml").write_text("[security]\nanonymous = true\n")
    assert run("up", "--detach").returncode == 0
    token = home / ".hyperverse" / "token"
    try:
        token.rename(token.with_name("kept"))  # whoever cannot read it comes in as Anonymous
        for args in (("trace", "localhost", "Cmd<Bounce>"), ("dump",)):
            done = run(*args)
            assert (done.returncode, done.stdout) == (1, "")
            assert "anonymous" in done.stderr and "may not" in done.stderr
    finally:
        token.with_name("kept").rename(token)
        assert run("down").returncode == 0
