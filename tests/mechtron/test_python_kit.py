"""``hyperverse new mechtron --lang python`` writes a project that builds, publishes and answers.

Each takes about half a minute of the processor: the module has an interpreter in it.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest

from hyperverse_core import Machine
from mechtron.test_mechtrons import Make, ask, machine_plugins, make

__all__ = ["machine_plugins", "make"]

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(
        find_spec("componentize_py") is None,
        reason="componentize-py is not here: python -m pip install componentize-py",
    ),
]
MORE = """

@handler("Fail")
def fail(body):
    return {}["missing"]


@handler("Refuse")
def refuse(body):
    raise Refused("not today")


@handler("Ask")
def ask(body):
    return ping("localhost:other", "Ext<Hello>", {"by": body})


@handler("Dice")
def dice(body):
    return [random.random(), random_bytes(4).hex(), agent(), now() > 10**18]


@handler("Deep")
def deep(body):
    return deep(body)


@handler("Eat")
def eat(body):
    return len([bytearray(1 << 20) for _ in range(1000)])
"""


SURROUNDINGS = """

import os
import socket
import sys
import time


@handler("Sleep")
def sleep(body):
    before = time.monotonic()
    time.sleep(float(body))
    return time.monotonic() - before


@handler("Print")
def prints(body):
    print("printed", body)
    print("an error", file=sys.stderr)
    return [sys.stdin.read(), time.time() > 10**9, os.urandom(4).hex()]


@handler("Around")
def around(body):
    return [dict(os.environ), sys.argv]


@handler("Open")
def opens(body):
    return open("/etc/passwd").read()


@handler("Connect")
def connect(body):
    socket.socket().connect(("127.0.0.1", 22))


@handler("Exit")
def ends(body):
    os._exit(3)
"""


async def built(folder: Path, change: Callable[[str], str], without: str = "") -> Path:
    """Writes a project, and builds it with the command that its README gives. Returns its folder.

    Args:
        change: what is done to its source before it is built.
        without: what is left out of the command.
    """
    new = [sys.executable, "-m", "hyperverse_core.cli", "new", "mechtron", "my-counter", "--lang", "python"]
    await asyncio.to_thread(subprocess.run, new, cwd=folder, check=True, capture_output=True)
    project = folder / "my-counter"
    app = project / "app.py"
    app.write_text(change(app.read_text()))
    build = re.search(r"^componentize-py .*?(?=  +#)", (project / "README.md").read_text(), re.MULTILINE)
    assert build is not None and without in build[0]
    where = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    argv = build[0].replace(without, "").split()
    run = partial(subprocess.run, argv, cwd=project, env=where, capture_output=True, text=True)
    done = await asyncio.to_thread(run)
    assert done.returncode == 0, done.stderr
    return project


def with_more(text: str) -> str:
    text = text.replace("import WitWorld, handler,", "import Refused, WitWorld, agent, handler, now, ping,")
    return (
        text.replace("state_get,", "random_bytes, state_get,").replace("from hyper", "import random\nfrom hyper") + MORE
    )


@pytest.mark.timeout(500)
async def test_a_project_in_python_builds_publishes_and_answers(machine: Machine, make: Make, tmp_path: Path) -> None:
    project = await built(tmp_path, with_more)
    document = (project / "bundle" / "my-counter.mechtron").read_text()
    assert "+memory=64;" in document
    point = await make(
        "m", (project / "bundle" / "my-counter.wasm").read_bytes(), "Limits { +memory=64; +seconds=20; }"
    )
    assert [(await ask(machine, point, "Count")).unwrap() for _ in "12"] == ["1", "2"]
    assert (await ask(machine, point, "Anything", "hällo")).unwrap() == "hällo"
    assert (await ask(machine, point, "Anything", b"\xff\0")).unwrap() == b"\xff\0"
    fault = await ask(machine, point, "Fail")
    assert (fault.status, fault.error) == (500, "KeyError: 'missing'")
    assert (await ask(machine, point, "Refuse")).error == "not today"
    assert (await ask(machine, point, "Ask", "x")).error == "no particle 'localhost:other'"
    await machine.client().exec("create localhost:other<Other>")
    assert (await ask(machine, point, "Ask", "x")).unwrap() == f'{{"agent": "{point}", "body": {{"by": "x"}}}}'.replace(
        '": ', '":'
    ).replace(', "', ',"')
    dice = [(await ask(machine, point, "Dice")).unwrap() for _ in "12"]
    assert dice[0] != dice[1] and f'"{point}"' not in dice[0] and "true" in dice[0]
    assert (await ask(machine, point, "Deep")).status == 500
    assert "MemoryError" in (await ask(machine, point, "Eat")).error
    assert (await ask(machine, point, "Count")).unwrap() == "3"


@pytest.mark.timeout(500)
async def test_one_that_is_built_with_wasi_gets_the_platforms(
    machine: Machine, make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    project = await built(tmp_path, lambda text: text + SURROUNDINGS, without="--stub-wasi ")
    grants = "Grants { +env=A=b; +arg=more; } Limits { +memory=64; +seconds=20; }"
    module = (project / "bundle" / "my-counter.wasm").read_bytes()
    point = await make("m", module, grants)
    assert [(await ask(machine, point, "Count")).unwrap() for _ in "12"] == ["1", "2"]
    assert float((await ask(machine, point, "Sleep", "0.05")).unwrap()) >= 0.05
    with caplog.at_level("INFO"):
        found = [json.loads((await ask(machine, point, "Print", "twice")).unwrap()) for _ in "12"]
    assert [each[:2] for each in found] == [["", True]] * 2 and found[0] != found[1]
    lines = [record.getMessage() for record in caplog.records]
    assert [line for line in lines if line in ("printed twice", "an error")] == ["printed twice", "an error"] * 2
    assert json.loads((await ask(machine, point, "Around")).unwrap()) == [{"A": "b"}, ["m", "more"]]
    assert "No such file or directory: '/etc/passwd'" in (await ask(machine, point, "Open")).error
    assert "PermissionError" in (await ask(machine, point, "Connect")).error
    assert "the guest exited with code" in (await ask(machine, point, "Exit")).error
    assert (await ask(machine, point, "Count")).unwrap() == "3"
    short = await make("short", module, "Limits { +memory=64; +seconds=2; }")
    reply = await ask(machine, short, "Sleep", "3600")
    assert (reply.status, reply.error) == (408, "the guest did not finish within 2 s")
    assert (await ask(machine, short, "Count")).unwrap() == "1"
