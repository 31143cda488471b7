"""What a request to a particle through the portal costs, as ratios against the "hello" of bare Starlette.

Run it as ``python tests/bench/bench_portal.py [--quick] [--json FILE]``. Both serve in this process, on the same
uvicorn and httptools; a program of its own asks, so that the processor time of this process is that of the server.
Ratios are of the least of several rounds, with all sides in turn. Where FastAPI is installed, the same two requests are
compared with its "hello" too.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
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
from hyperverse_core.cli.machine.memory import settle_memory
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


def starlette() -> Any:
    return Starlette(routes=[Route("/", hello), Route("/", echo, methods=["POST"])])


def fastapi() -> Any:
    """As its first page shows it. Raises ImportError."""
    from fastapi import Body, FastAPI

    app = FastAPI()

    @app.get("/", response_class=PlainTextResponse)
    async def hello() -> str:
        return "hello"

    @app.post("/")
    async def echo(body: Any = Body()) -> Any:  # noqa: B008  # that is how it is written
        return body

    echo.__annotations__["body"] = Any
    return app


@asynccontextmanager
async def bare(app: Any) -> AsyncIterator[tuple[str, int]]:
    """An application on uvicorn. Yields where it listens."""
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


REFERENCES: dict[str, tuple[Callable[[], Any], dict[str, float]]] = {
    "Starlette": (starlette, {"GET": GET_MOST, "POST": POST_MOST}),
    "FastAPI": (fastapi, {"GET": 1.0, "POST": 1.0}),
}


async def measure(report: Report, rounds: int, count: int) -> bool:
    """Whether all ratios are within their bounds."""
    fine = True
    async with AsyncExitStack() as stack:
        host, port, token = await stack.enter_async_context(portal())
        places = {"": (host, port)}
        for name, (app, _) in REFERENCES.items():
            try:
                places[name] = await stack.enter_async_context(bare(app()))
            except ImportError:
                print(f"{name} is not installed: no row")
        settle_memory()  # as `hyperverse up` does, and for the references too
        for method in ("GET", "POST"):
            text = said(method, token)
            costs: dict[str, list[float]] = {name: [] for name in places}
            for number in range(rounds + 1):
                for name, place in places.items():
                    taken = await cost(place, text, count)
                    if number:  # the first round warms them
                        costs[name].append(taken)
            for name in places:
                if name:
                    most = REFERENCES[name][1][method]
                    fine = added(report, method, name, min(costs[""]), min(costs[name]), most) and fine
    return fine


def added(report: Report, method: str, reference: str, ours: float, theirs: float, most: float) -> bool:
    """Adds a row. Whether it is within its bound."""
    row = Row(
        name=f"a {method} to a particle through the portal",
        value=ours,
        reference=reference,
        reference_value=theirs,
        at_most=most,
    )
    print(f"{line(row)}  of {reference}")
    report.add(row)
    return row.ratio is not None and row.ratio <= most


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
