"""Publishing and reading, on one machine inside the process."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import attrs
import pytest

from artifacts.conftest import SERIES, zipped
from hyperverse_artifacts.collecting import collect
from hyperverse_artifacts.manifest import Budget
from hyperverse_artifacts.publishing import publish
from hyperverse_artifacts.sources import sources_of
from hyperverse_core import Machine, Point
from hyperverse_core.blobs import PIECE, content_at, digest_of, read_content
from hyperverse_core.errors import BadRequest, Conflict, Forbidden, HyperverseError, NotFound, TooLarge

FILES = {"index.html": b"<p>hello</p>", "wasm/app.wasm": os.urandom(3 * PIECE + 5), "empty.bin": b""}
EVE = "localhost:users:eve"
VERSION = f"{SERIES}:1.0.0"


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return folder


async def published(client: Any, folder: Path, point: str) -> list[int]:
    sent: list[int] = []
    with sources_of(folder, Budget()) as sources:
        await publish(client, sources, Point.parse(point), sent.append)
    return sent


async def test_a_folder_becomes_a_version_with_an_address_for_each_file(repo: Machine, tmp_path: Path) -> None:
    client = repo.client()
    sent = await published(client, write(tmp_path / "f", FILES), VERSION)
    assert sum(sent) == sum(map(len, FILES.values()))
    for path, content in FILES.items():
        at = f"{VERSION}:/{path}"
        assert await read_content(client, at) == content
        assert (await content_at(client, at)).digest == digest_of(content)
    assert await client.ask(f"{VERSION}:/index.html", "Cmd<Read>") == "<p>hello</p>"
    assert await client.ask(f"{VERSION}:/", "Cmd<Read>") == {"names": ["empty.bin", "index.html", "wasm/"]}
    files = (await client.ask(VERSION, "Cmd<Read>"))["files"]
    assert {file["path"]: file["size"] for file in files} == {path: len(c) for path, c in FILES.items()}
    rows = await client.select(f"{VERSION}+:**")
    assert [row["kind"] for row in rows].count("Artifact<Dir>") == 2
    assert f"{VERSION}:/wasm/app.wasm" in [row["point"] for row in rows if row["kind"] == "Artifact<Wasm>"]


async def test_the_first_version_creates_its_series(repo: Machine, tmp_path: Path) -> None:
    client, folder = repo.client(), write(tmp_path / "f", FILES)
    await published(client, folder, "localhost:repo:other:1.0.0")
    assert await client.ask("localhost:repo:other:1.0.0:/index.html", "Cmd<Read>") == "<p>hello</p>"
    with pytest.raises(NotFound, match="no series 'localhost:gone:my', and it cannot be created") as refused:
        await published(client, folder, "localhost:gone:my:1.0.0")
    assert refused.value.hint == "create the repository: hyperverse exec 'create localhost:gone<Repo>'"
    for point in ("localhost:gone:my:1.0.0", "new:repo:my:1.0.0", "new:deep:er:repo:my:1.0.0"):
        with pytest.raises(NotFound) as refused:
            await published(client, folder, point)
        told = re.fullmatch(r"create the repository: hyperverse exec '(.+)'", refused.value.hint)
        assert told is not None, refused.value.hint
        await client.exec(told[1])
        await published(client, folder, point)
    for point in ("localhost:my:1.0.0", "repo:my:1.0.0", "my:1.0.0"):
        with pytest.raises(BadRequest, match="is not in a repository, and a repository is in a space") as outside:
            await published(client, folder, point)
        assert outside.value.hint == "publish to localhost:repo:my:1.0.0"
    with pytest.raises(HyperverseError):
        await published(repo.client(EVE), folder, "localhost:repo:third:1.0.0")
    points = [row["point"] for row in await client.select("localhost:repo:*")]
    assert "localhost:repo:other" in points and "localhost:repo:third" not in points


async def test_a_zip_file_that_comes_with_the_command_is_unpacked(repo: Machine) -> None:
    client = repo.client()
    await client.exec(f"publish ^[ b.zip ]-> {VERSION}", files={"b.zip": zipped(FILES)})
    for path, content in FILES.items():
        assert await read_content(client, f"{VERSION}:/{path}") == content


async def test_content_is_kept_and_sent_once(repo: Machine, tmp_path: Path) -> None:
    client, blobs = repo.client(), repo.data_dir / "blobs"
    before = len(list(blobs.glob("content/*/*")))  # those of the platform
    await published(client, write(tmp_path / "a", FILES), VERSION)
    assert len(list(blobs.glob("content/*/*"))) == before + len(FILES)
    waves: list[str] = []
    ask = client.ask

    async def counted(to: Any, method: str, *rest: Any, **options: Any) -> Any:
        waves.append(method)
        return await ask(to, method, *rest, **options)

    client.ask = counted  # type: ignore[method-assign]
    await published(client, write(tmp_path / "b", {**FILES, "new.txt": b"new"}), f"{SERIES}:2.0.0")
    assert waves.count("Ext<Piece>") == 1
    assert len(list(blobs.glob("content/*/*"))) == before + len(FILES) + 1


async def test_a_publish_that_was_cut_off_sends_only_what_is_missing(repo: Machine, tmp_path: Path) -> None:
    client, folder = repo.client(), write(tmp_path / "f", {"app.wasm": os.urandom(7 * PIECE + 5)})
    ask, most = client.ask, 2
    answered: list[int] = []

    async def cut(to: Any, method: str, body: Any = None, **options: Any) -> Any:
        if method == "Ext<Piece>" and len(answered) >= most:
            raise ConnectionResetError("the line is cut")
        reply = await ask(to, method, body, **options)
        if method == "Ext<Piece>":
            answered.append(body["offset"])
        return reply

    client.ask = cut  # type: ignore[method-assign]
    with pytest.raises(ConnectionResetError):
        await published(client, folder, VERSION)
    assert await client.select(f"{VERSION}+:**") == []
    before, most = list(answered), 100
    assert 2 <= len(before) < 8
    await published(client, folder, VERSION)
    assert not set(before) & set(answered[len(before) :])
    assert await read_content(client, f"{VERSION}:/app.wasm") == (folder / "app.wasm").read_bytes()


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (f"create! {VERSION}<Bundle>", HyperverseError),
        (f"create {VERSION}:/new.txt<Artifact<Raw>>", Conflict),
        (f"create! {VERSION}:/index.html<Artifact<Raw>>", Conflict),
        (f"write {VERSION}:/index.html other", Conflict),
        (f"write {VERSION} other", Conflict),
        (f"set {VERSION}:/index.html{{ +digest=other }}", BadRequest),
        (f"publish ^[ b.zip ]-> {VERSION}", Conflict),
    ],
)
async def test_a_version_never_changes(repo: Machine, command: str, error: type[HyperverseError]) -> None:
    client = repo.client()
    await client.exec(f"publish ^[ b.zip ]-> {VERSION}", files={"b.zip": zipped(FILES)})
    before = [(row["point"], row["kind"]) for row in await client.select(f"{VERSION}+:**")]
    with pytest.raises(error):
        await client.exec(command, files={"b.zip": zipped({"index.html": b"other"})})
    assert [(row["point"], row["kind"]) for row in await client.select(f"{VERSION}+:**")] == before
    assert await client.ask(f"{VERSION}:/index.html", "Cmd<Read>") == "<p>hello</p>"


async def test_nothing_is_created_when_content_is_missing(repo: Machine) -> None:
    manifest = b'{"format": "hyperverse-bundle-1", "files": [{"path": "a", "digest": "%s", "size": 1, "on": "test"}]}'
    text = manifest.replace(b"%s", digest_of(b"a").encode())
    with pytest.raises(Conflict, match="content of 'a' is not on machine"):
        await repo.client().exec(f"publish ^[ m ]-> {VERSION}", files={"m": text})
    assert not await repo.registry.records([Point.parse(VERSION), Point.parse(f"{VERSION}:/")])


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"hello",
        b"PK",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"format": "other", "files": []}',
        b'{"format": "hyperverse-bundle-1", "files": 3}',
        b'{"format": "hyperverse-bundle-1", "files": []}',
        b'{"format": "hyperverse-bundle-1", "files": [{}]}',
        b'{"format": "hyperverse-bundle-1", "files": [{"path": "a", "digest": "x", "size": 1, "on": "test"}]}',
        b'{"format": "hyperverse-bundle-1", "files": [{"path": 1, "digest": "x", "size": 1, "on": "test"}]}',
        b"PK\x03\x04nonsense",
        b"PK\x05\x06" + b"\0" * 18,
    ],
)
async def test_what_is_no_bundle_is_refused(repo: Machine, text: bytes) -> None:
    with pytest.raises(BadRequest):
        await repo.client().exec(f"publish ^[ m ]-> {VERSION}", files={"m": text})


async def test_a_bundle_has_a_version_and_a_series(repo: Machine) -> None:
    for point in (f"{SERIES}:one", "localhost:repo:1.0.0", "localhost:other:1.0.0"):
        with pytest.raises((BadRequest, NotFound)):
            await repo.client().exec(f"publish ^[ b ]-> {point}", files={"b": zipped({"a": b"a"})})


async def test_damage_is_told_and_never_given_out(repo: Machine, tmp_path: Path) -> None:
    client = repo.client()
    await published(client, write(tmp_path / "f", FILES), VERSION)
    assert await read_content(client, f"{VERSION}:/wasm/app.wasm") == FILES["wasm/app.wasm"]
    digest = digest_of(FILES["wasm/app.wasm"])[7:]
    with (repo.data_dir / "blobs" / "content" / digest[:2] / digest).open("r+b") as file:
        file.seek(PIECE + 1)
        file.write(b"changed")
    with pytest.raises(HyperverseError) as told:
        await read_content(client, f"{VERSION}:/wasm/app.wasm")
    assert told.value.status == 503
    assert "damaged" in told.value.message
    with pytest.raises(HyperverseError, match="no longer on machine 'test'"):
        await read_content(client, f"{VERSION}:/wasm/app.wasm")
    await published(client, tmp_path / "f", f"{SERIES}:1.0.1")  # it brings the content again
    assert await read_content(client, f"{VERSION}:/wasm/app.wasm") == FILES["wasm/app.wasm"]


async def test_content_that_is_too_large_for_one_answer_is_told_how_to_get(repo: Machine, tmp_path: Path) -> None:
    large = os.urandom(5 * 1024 * 1024)
    await published(repo.client(), write(tmp_path / "f", {"large.bin": large}), VERSION)
    with pytest.raises(TooLarge, match="one answer"):
        await repo.client().ask(f"{VERSION}:/large.bin", "Cmd<Read>")
    body = {"offset": 4_000_000, "length": 10}
    assert await repo.client().ask(f"{VERSION}:/large.bin", "Cmd<Read>", body) == large[4_000_000:4_000_010]
    assert await read_content(repo.client(), f"{VERSION}:/large.bin") == large
    with pytest.raises(TooLarge):
        await read_content(repo.client(), f"{VERSION}:/large.bin", limit=1000)


@pytest.mark.parametrize(
    ("asked", "status", "content", "span"),
    [
        ({}, 200, b"0123456789", None),
        ({"Range": "bytes=2-4"}, 206, b"234", "bytes 2-4/10"),
        ({"range": "bytes=7-"}, 206, b"789", "bytes 7-9/10"),
        ({"range": "bytes=-3"}, 206, b"789", "bytes 7-9/10"),
        ({"range": "bytes=-99"}, 206, b"0123456789", "bytes 0-9/10"),
        ({"range": "bytes=5-99"}, 206, b"56789", "bytes 5-9/10"),
        ({"range": "bytes=10-"}, 416, None, "bytes */10"),
        ({"range": "bytes=-0"}, 416, None, "bytes */10"),
        ({"range": "bytes=4-2"}, 200, b"0123456789", None),
        ({"range": "bytes=0-1,3-4"}, 200, b"0123456789", None),
        ({"range": "lines=1-2"}, 200, b"0123456789", None),
        ({"range": "bytes=1-2", "if-range": '"other"'}, 200, b"0123456789", None),
        ({"if-none-match": f'"{digest_of(b"0123456789")}"'}, 304, None, None),
        ({"if-none-match": f'"x", W/"{digest_of(b"0123456789")}"'}, 304, None, None),
        ({"if-none-match": '"x"'}, 200, b"0123456789", None),
    ],
)
async def test_http_gets_ranges(
    repo: Machine, asked: dict[str, str], status: int, content: bytes | None, span: str | None
) -> None:
    client = repo.client()
    await client.exec(f"publish ^[ b ]-> {VERSION}", files={"b": zipped({"a.txt": b"0123456789"})})
    reply = await client.ping(f"{VERSION}:/a.txt", "Http<Get>", headers=asked)
    headers = reply.headers or {}
    assert (reply.status, headers.get("content-range")) == (status, span)
    assert (headers["content-type"], headers["etag"]) == (
        "text/plain; charset=utf-8",
        f'"{digest_of(b"0123456789")}"',
    )
    if content is not None:
        assert reply.body == content


async def test_the_policy_decides_who_may_what(repo: Machine, tmp_path: Path) -> None:
    owner, eve = repo.client(), repo.client(EVE)
    await published(owner, write(tmp_path / "f", FILES), VERSION)
    at = f"{VERSION}:/index.html"
    for refused in (
        published(eve, tmp_path / "f", f"{SERIES}:2.0.0"),
        eve.exec(f"publish ^[ b ]-> {SERIES}:2.0.0", files={"b": zipped(FILES)}),
        read_content(eve, at),
        eve.ask(at, "Http<Get>"),
        eve.ask(VERSION, "Cmd<Read>"),
        eve.delete(f"{VERSION}<Bundle>"),
        eve.ask(
            "localhost:repo",
            "Ext<Collect>",
            {"machine": "test", "keep": [], "prefix": "", "older_than": 0.0, "dry_run": False},
        ),
        eve.ask(
            "<<STAR::machine:test[0]>>::star:drivers:artifact",
            "Ext<Range>",
            {"digest": digest_of(FILES["index.html"]), "offset": 0, "length": 1},
        ),
    ):
        with pytest.raises((Forbidden, NotFound)):  # what is below the repository is hidden from her
            await refused
    await owner.exec(f"grant perm +csd-Rwx on {VERSION}+:** to {EVE}")
    assert await read_content(eve, at) == FILES["index.html"]
    await owner.exec(f"grant perm +Csd-rwX on {SERIES} to {EVE}")
    await published(eve, tmp_path / "f", f"{SERIES}:2.0.0")
    assert str((await repo.registry.record(Point.parse(f"{SERIES}:2.0.0:/index.html"))).owner) == EVE


async def test_content_is_not_collected_by_an_age_that_is_no_number(repo: Machine) -> None:
    with pytest.raises(BadRequest, match="nan"):
        await collect(repo.client(), older_than=float("nan"), dry_run=False)


async def test_a_bind_is_read_from_a_version(repo: Machine) -> None:
    client = repo.client()
    bind = f"Bind(version=1.0.0) {{ Route<Http<Get>> -> {VERSION}:/index.html => &; }}".encode()
    await client.exec(f"publish ^[ b ]-> {VERSION}", files={"b": zipped({**FILES, "x.bind": bind})})
    await client.exec(f"create localhost:app<App>{{ +bind={VERSION}:/x.bind, +config={VERSION}:/index.html }}")
    reply = await client.ping("localhost:app", "Http<Get>")
    assert (reply.status, reply.body) == (200, FILES["index.html"])


async def test_a_deleted_version_is_gone_with_all_its_files(repo: Machine) -> None:
    client = repo.client()
    await client.exec(f"publish ^[ b ]-> {VERSION}", files={"b": zipped(FILES)})
    assert await read_content(client, f"{VERSION}:/index.html")
    await client.delete(f"{VERSION}<Bundle>")
    for path in FILES:
        assert (await client.ping(f"{VERSION}:/{path}", "Cmd<Read>")).status == 404


async def test_a_machine_without_the_plugin_starts_and_says_what_is_missing(
    start_machine: Any, machine_config: Any
) -> None:
    from hyperverse_core.config import Plugins

    config = attrs.evolve(machine_config, plugins=Plugins(disable=("artifacts",)))
    machine = await start_machine(config=config)
    await machine.client().exec("create localhost<Space>")
    with pytest.raises(HyperverseError, match="no driver here serves Kind 'Repo'"):
        await machine.client().exec("create localhost:repo<Repo>")


@pytest.mark.parametrize("point", ["localhost:repo:z", "localhost:repo", "localhost", f"{VERSION}:/a.txt"])
async def test_a_point_without_a_version_is_told(machine: Machine, tmp_path: Path, point: str) -> None:
    folder = write(tmp_path / "f", {"a.txt": b"a"})
    with pytest.raises(BadRequest, match=f"'{point}' does not end with a version"):
        await published(machine.client(), folder, point)
