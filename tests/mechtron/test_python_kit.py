"""``hyperverse new mechtron --lang python`` writes a project that builds, publishes and answers.

It takes about half a minute of the processor: the module has an interpreter in it.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
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


@pytest.mark.timeout(500)
async def test_a_project_in_python_builds_publishes_and_answers(machine: Machine, make: Make, tmp_path: Path) -> None:
    new = [sys.executable, "-m", "hyperverse_core.cli", "new", "mechtron", "my-counter", "--lang", "python"]
    await asyncio.to_thread(subprocess.run, new, cwd=tmp_path, check=True, capture_output=True)
    project = tmp_path / "my-counter"
    app = project / "app.py"
    text = app.read_text().replace("import WitWorld, handler,", "import Refused, WitWorld, agent, handler, now, ping,")
    app.write_text(
        text.replace("state_get,", "random_bytes, state_get,").replace("from hyper", "import random\nfrom hyper") + MORE
    )
    build = re.search(r"^componentize-py .*?(?=  +#)", (project / "README.md").read_text(), re.MULTILINE)
    assert build is not None
    where = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    run = partial(subprocess.run, build[0].split(), cwd=project, env=where, capture_output=True, text=True)
    done = await asyncio.to_thread(run)
    assert done.returncode == 0, done.stderr
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
