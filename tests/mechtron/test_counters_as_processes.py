"""Projects in C, Rust, Go and AssemblyScript build, publish and answer on two machines that are killed in turn.

Each counts in a variable and knows nothing of state; its memory is kept. In CI they count to 200 with a kill every 50;
``HYPERVERSE_COUNT=1000 HYPERVERSE_KILL_EVERY=100`` asks for more. Half of the time is that of the compilers.
"""

from __future__ import annotations

import asyncio
import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from cluster.worlds import Processes
from hyperverse_core.client.api import ClientApi
from hyperverse_core.universe.waves.wave import Outcome
from mechtron.builders import INSTALL, build, has
from patience import PATIENCE

LANGUAGES: Final = ("c", "rust", "go", "as")
MISSING: Final = [each for each in LANGUAGES if not has(each)]
COUNT, KILL_EVERY = (
    int(os.environ.get(name, default)) for name, default in (("HYPERVERSE_COUNT", 200), ("HYPERVERSE_KILL_EVERY", 50))
)
pytestmark = [
    pytest.mark.thorough,
    pytest.mark.timeout(550 * max(1, COUNT // 200)),
    pytest.mark.skipif(bool(MISSING), reason="; ".join(f"no builder of {each}: {INSTALL[each]}" for each in MISSING)),
]
PLAIN: Final = {
    "c": (
        '    if (is(method, method_length, "Count")) return count();',
        """    static char digits[12];
    static u32 plain;
    if (is(method, method_length, "Plain") || is(method, method_length, "Look")) {
        u32 at = sizeof digits, rest = plain += *method == 'P';
        do digits[--at] = (char)('0' + rest % 10); while (rest /= 10);
        return answer(digits + at, sizeof digits - at);
    }
""",
    ),
    "rust": (
        '    if method != "Count" {',
        """    static mut PLAIN: u64 = 0;
    if method == "Plain" || method == "Look" {
        unsafe { PLAIN += (method == "Plain") as u64; return Ok(PLAIN.to_string().into_bytes()) }
    }
""",
    ),
    "go": (
        '	if method != "Count" {',
        """	if method == "Plain" || method == "Look" {
		if method == "Plain" { plain++ }
		return []byte(strconv.Itoa(plain)), nil
	}
""",
    ),
    "as": (
        "  if (String.UTF8.decodeUnsafe(method, methodLength)",
        """  const name = String.UTF8.decodeUnsafe(method, methodLength);
  if (name == "Plain") plain++;
  if (name == "Plain" || name == "Look") return answer(plain.toString());
""",
    ),
}
"""Where the source of a project gets a counter in a variable, and the counter. ``Look`` tells what it is."""
VARIABLE: Final = {"go": "\nvar plain = 0\n", "as": "\nlet plain: i32 = 0;\n"}


def counter(language: str, folder: Path) -> bytes:
    """The module of a project with such a counter besides; its document asks for frozen memory."""
    before, more = PLAIN[language]

    def change(source: str) -> str:
        assert before in source
        return source.replace(before, more + before) + VARIABLE.get(language, "")

    module, name = build(language, f"my-{language}", folder, change), f"my-{language}"
    document = (folder / name / "bundle" / f"{name}.mechtron").read_text()
    bundle = io.BytesIO()
    with zipfile.ZipFile(bundle, "w") as files:
        files.writestr(f"{name}.wasm", module)
        files.writestr(f"{name}.mechtron", document.rpartition("}")[0] + "Run { +state=memory; } }")
    return bundle.getvalue()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    world = Processes(tmp_path / "world", lease=2.0)
    yield world
    world.end()


async def create(client: ClientApi, language: str, bundle: bytes) -> str:
    series = f"localhost:repo:my-{language}"
    script = f"create {series}<BundleSeries>; publish ^[ b ]-> {series}:1.0.0"
    await client.exec(script, files={"b": bundle}, wait=4 * PATIENCE)
    config = f"{series}:1.0.0:/my-{language}.mechtron"
    await client.exec(f"create localhost:{language}<Mechtron>{{ +config={config} }}", wait=4 * PATIENCE)
    return f"localhost:{language}"


async def told(client: ClientApi, point: str, method: str) -> int | None:
    """What a counter says; None when nobody knows whether it has handled the wave."""
    for _ in range(1000):
        reply = await client.ping(point, f"Ext<{method}>", wait=PATIENCE)
        if reply.ok:
            return int(reply.body)
        assert reply.outcome is not Outcome.FAILED, reply.error
        if reply.outcome is Outcome.UNKNOWN and method == "Plain":
            return None
        await asyncio.sleep(0.05)
    raise AssertionError(f"{point} does not answer")


async def count_on(client: ClientApi, point: str, known: int, to: int) -> int:
    """Counts up to ``to``, one by one. Nothing is lost, and nothing doubled. Returns how often the answer was lost."""
    unknown = 0
    while known < to:
        said = await told(client, point, "Plain")
        if said is None:
            unknown += 1
            said = await told(client, point, "Look")
            assert said in (known, known + 1), (point, known, said)
        else:
            assert said == known + 1, (point, known, said)
        known = said
    return unknown


async def test_projects_answer_and_counters_lose_nothing_when_their_machines_are_killed(
    processes: Processes, tmp_path: Path
) -> None:
    bundles = {each: await asyncio.to_thread(counter, each, tmp_path) for each in LANGUAGES}
    processes.start("a", "b")
    async with processes.client("a") as client:
        await client.exec("create localhost<Space>; create localhost:repo<Repo>")
        points = [await create(client, each, bundle) for each, bundle in bundles.items()]
        for point in points:
            assert [await client.ask(point, "Ext<Count>", wait=PATIENCE) for _ in "123"] == ["1", "2", "3"]
            for body in ("", "hällo", "x" * 50_000, b"\xff\0"):
                assert await client.ask(point, "Ext<Anything>", body, wait=PATIENCE) == body
    unknown, other = 0, "a"
    for number, to in enumerate(range(KILL_EVERY, COUNT + 1, KILL_EVERY)):
        killed, other = ("a", "b") if number % 2 else ("b", "a")
        async with processes.client(other) as client:
            known = to - KILL_EVERY
            first = await asyncio.gather(*(count_on(client, each, known, to - 5) for each in points))
            under_way = [asyncio.ensure_future(count_on(client, each, to - 5, to)) for each in points]
            processes.running.pop(killed).kill()
            unknown += sum(first) + sum(await asyncio.gather(*under_way))
        if to < COUNT:
            processes.start(killed)
    async with processes.client(other) as client:
        assert [await told(client, each, "Look") for each in points] == [COUNT] * len(points)
        assert [await client.ask(each, "Ext<Count>", wait=PATIENCE) for each in points] == ["4"] * len(points)
    print(f"{COUNT} each, {COUNT // KILL_EVERY} kills, {unknown} answers were lost")
