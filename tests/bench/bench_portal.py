"""What a request to a particle through the portal costs, as ratios against the "hello" of bare Starlette.

Run it as ``python tests/bench/bench_portal.py [--quick] [--json FILE]``. Both serve in this process, on the same
uvicorn and httptools; a program of its own asks, so that the processor time of this process is that of the server.
Ratios are of the least of several rounds, with both sides in turn.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.bench_local import line
from bench.report import Report, Row
from hyperverse_core import Config, Ctx, Driver, KindDef, Machine, Particle, Register, handler, hookimpl
from hyperverse_core.config import Control

ROUNDS, REQUESTS = 7, 2000
GET_MOST, POST_MOST = 1.5, 1.3
BODY = b'{"title":"Emma","pages":474,"tags":["novel","classic"]}'

ASK = """
import socket, sys
host, port, count, head = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), bytes.fromhex(sys.argv[4])
with socket.create_connection((host, port)) as s:
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for _ in range(count):
        s.sendall(head)
        got = b""
        while b"\\r\\n\\r\\n" not in got:
            got += s.recv(65536)
        top, _, rest = got.partition(b"\\r\\n\\r\\n")
        assert b" 200 " in top.split(b"\\r\\n")[0], got
        length = int(top.lower().split(b"content-length: ")[1].split(b"\\r\\n")[0])
        while len(rest) < length:
            rest += s.recv(65536)
"""


@attrs.define
class Page(Particle):
    """A particle that does what the two routes of Starlette do."""

    @handler("Http<Get>")
    async def hello(self, ctx: Ctx) -> str:
        return "hello"

    @handler("Http<Post>")
    async def echo(self, ctx: Ctx, title: str, pages: int, tags: list[str]) -> dict[str, Any]:
        return {"title": title, "pages": pages, "tags": tags}


class PageDriver(Driver):
    kind = KindDef("Page", doc="A page")
    particle = Page


class Pages:
    @hookimpl
    def hyperverse_register_drivers(self, register: Register) -> None:
        register(PageDriver)


async def hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


async def echo(request: Request) -> JSONResponse:
    return JSONResponse(await request.json())


@asynccontextmanager
async def bare() -> AsyncIterator[tuple[str, int]]:
    """Starlette on uvicorn. Yields where it listens."""
    app = Starlette(routes=[Route("/", hello), Route("/", echo, methods=["POST"])])
    server = uvicorn.Server(
        uvicorn.Config(app, http="httptools", ws="none", lifespan="off", log_config=None, access_log=False)
    )
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # or it gathers small writes
    listening.bind(("127.0.0.1", 0))
    task = asyncio.create_task(server._serve([listening]))  # without its handlers of signals
    while not server.started:  # noqa: ASYNC110  # nothing tells of it
        await asyncio.sleep(0.01)
    yield listening.getsockname()[:2]
    server.should_exit = True
    await task


@asynccontextmanager
async def portal() -> AsyncIterator[tuple[str, int, str]]:
    """A machine with a page. Yields where its portal listens, and the token of its owner."""
    with tempfile.TemporaryDirectory(prefix="hyperverse-bench-") as folder:
        gateways = {"portal": {"address": "127.0.0.1:0", "hosts": {"page.example": "localhost:page"}}}
        config = Config(data_dir=Path(folder), control=Control(enabled=False), gateways=gateways)
        async with Machine(config, plugins=(Pages(),)) as machine:
            await machine.client().exec("create localhost<Space>; create localhost:page<Page>")
            host, port = machine.status()["gateways"]["portal"].removeprefix("http://").partition("/")[0].split(":")
            yield host, int(port), (Path(folder) / "token").read_text().strip()


async def cost(place: tuple[str, int], said: bytes, count: int) -> float:
    """Microseconds of processor time of this process for each request."""
    gc.collect()
    begun = time.process_time()
    asking = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ASK, place[0], str(place[1]), str(count), said.hex()
    )
    assert await asking.wait() == 0
    return (time.process_time() - begun) / count * 1e6


def said(method: str, token: str) -> bytes:
    head = f"{method} / HTTP/1.1\r\nhost: page.example\r\naccept: */*\r\nauthorization: Bearer {token}\r\n"
    if method == "GET":
        return f"{head}\r\n".encode()
    return f"{head}content-type: application/json\r\ncontent-length: {len(BODY)}\r\n\r\n".encode() + BODY


async def measure(report: Report, rounds: int, count: int) -> bool:
    """Whether both ratios are within their bounds."""
    fine = True
    async with bare() as there, portal() as (host, port, token):
        for method, most in (("GET", GET_MOST), ("POST", POST_MOST)):
            ours: list[float] = []
            theirs: list[float] = []
            text = said(method, token)
            for number in range(rounds + 1):
                one, other = await cost((host, port), text, count), await cost(there, text, count)
                if number:  # the first round warms both
                    ours.append(one)
                    theirs.append(other)
            row = Row(
                name=f"a {method} to a particle through the portal",
                value=min(ours),
                reference="Starlette",
                reference_value=min(theirs),
                at_most=most,
            )
            fine = fine and row.ratio is not None and row.ratio <= most
            print(line(row))
            report.add(row)
    return fine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    rounds, count = (3, 500) if options.quick else (ROUNDS, REQUESTS)
    fine = asyncio.run(measure(Report(options.json), rounds, count))
    raise SystemExit(0 if fine else 1)


if __name__ == "__main__":
    main()
