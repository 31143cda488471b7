"""``hyperverse new mechtron`` in JavaScript and TypeScript writes projects that build, publish and answer.

Most of the time is that of the builders. Those in C, Rust, Go and AssemblyScript are in `test_counters_as_processes`.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from hyperverse_core import Machine
from hyperverse_mechtron.checking import checked
from mechtron.builders import INSTALL, build, has
from mechtron.test_mechtrons import Make, ask, machine_plugins, make

__all__ = ["machine_plugins", "make"]

MORE = """
import { Refused, agent, log, now, path, ping, randomBytes, header } from "./hyperverse.js";
handler("Fail", () => (null as any).missing);
handler("Refuse", () => { throw new Refused("not today"); });
handler("Ask", (body) => ping("localhost:other", "Ext<Hello>", { by: body }));
handler("Dice", () => [Math.random(), ...randomBytes(4)]);
handler("Around", () => {
  console.log("hello", { a: 1 });
  return [agent(), path(), header("colour"), header("size"), now(), Date.now(), new Date().getTime(),
    new Date(0).toISOString(), Date().length > 20];
});
handler("Later", async () => "never");
handler("Size", (body) => [typeof body, body.length]);
handler("Text", () => "hällo");
const deep = (body: unknown): unknown => [deep(body)];
handler("Deep", deep as any);
"""
pytestmark = [pytest.mark.thorough, pytest.mark.timeout(400)]


def language(name: str) -> Any:
    return pytest.param(name, marks=pytest.mark.skipif(not has(name), reason=f"no builder of {name}: {INSTALL[name]}"))


async def counts_and_echoes(machine: Machine, point: str) -> None:
    assert [(await ask(machine, point, "Count")).unwrap() for _ in range(12)] == [str(each) for each in range(1, 13)]
    for body in ("", "hällo", "x" * 50_000, b"\xff\0", b"y" * 50_000):
        assert (await ask(machine, point, "Anything", body)).unwrap() == body


@pytest.mark.parametrize("lang", [language("js")])
async def test_a_project_builds_publishes_and_answers(machine: Machine, make: Make, tmp_path: Path, lang: str) -> None:
    module = await asyncio.to_thread(build, lang, "my-counter", tmp_path)
    document = (tmp_path / "my-counter" / "bundle" / "my-counter.mechtron").read_text()
    point = await make("m", module, document[document.index("Limits") :].rpartition("}")[0])
    await counts_and_echoes(machine, point)


@pytest.mark.parametrize("lang", [language("ts")])
async def test_a_project_in_typescript_answers_and_its_kit_asks_the_platform(
    machine: Machine, make: Make, tmp_path: Path, lang: str
) -> None:
    module = await asyncio.to_thread(build, lang, "my-app", tmp_path, lambda source: source + MORE)
    point = await make("m", module, "Limits { +memory=32; }")
    fault = await ask(machine, point, "Fail")
    assert (fault.status, fault.error) == (500, "TypeError: cannot read property 'missing' of null")
    assert (await ask(machine, point, "Refuse")).error == "not today"
    assert (await ask(machine, point, "Later")).error == "a handler returns its answer itself, and no promise"
    assert (await ask(machine, point, "Ask", "x")).error == "no particle 'localhost:other'"
    await machine.client().exec("create localhost:other<Other>")
    assert json.loads((await ask(machine, point, "Ask", "x")).unwrap()) == {"agent": point, "body": {"by": "x"}}
    dice = [json.loads((await ask(machine, point, "Dice")).unwrap()) for _ in "12"]
    assert dice[0] != dice[1] and len({each[0] for each in dice}) == 2
    around = json.loads((await ask(machine, point, "Around", headers={"colour": "red"})).unwrap())
    assert around[:4] == ["hyperspace:users:hyperuser", "/", "red", None]
    assert around[4] <= around[5] <= around[6] < around[4] + 60_000 and around[4] > 1_700_000_000_000
    assert around[7:] == ["1970-01-01T00:00:00.000Z", True]
    assert json.loads((await ask(machine, point, "Size", "hällo")).unwrap()) == ["string", 5]
    assert json.loads((await ask(machine, point, "Size", b"\xff\0")).unwrap()) == ["object", 2]
    assert (await ask(machine, point, "Text", b"")).unwrap() == "hällo".encode()
    assert (await ask(machine, point, "Deep")).status == 500
    await counts_and_echoes(machine, point)


@pytest.mark.parametrize("lang", [language("js")])
async def test_a_project_in_javascript_that_is_built_with_wasi_gets_the_platforms(
    machine: Machine, make: Make, tmp_path: Path, lang: str, caplog: pytest.LogCaptureFixture
) -> None:
    more = """
handler("Log", (body) => { console.log("logged", body); return [Date.now() > 1e12, Math.random()]; });
"""
    module = await asyncio.to_thread(build, lang, "my-app", tmp_path, lambda source: source + more, " --stub-wasi")
    assert any(each.name.startswith("wasi:cli/environment@") for each, _ in checked(module).imports)
    point = await make("m", module, "Limits { +memory=32; }")
    await counts_and_echoes(machine, point)
    with caplog.at_level("INFO"):
        found = [json.loads((await ask(machine, point, "Log", "twice")).unwrap()) for _ in "12"]
    assert found[0][0] and found[0] != found[1]
    assert [r.getMessage() for r in caplog.records].count("logged twice") == 2
