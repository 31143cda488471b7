"""Published files through the portal: their types, ETags and ranges, as a browser asks for them."""

from __future__ import annotations

from pathlib import Path

from artifacts.conftest import zipped
from portal.bookshop import bookshop
from portal.web import ask

SITE = "localhost:repo:site:1.0.0"
FILES = {
    "index.html": b"<p>hello</p>",
    "style.css": b"p { color: red }",
    "logo.svg": b"<svg/>",
    "app.wasm": b"\0asm\1\0\0\0",
    "data.json": b'{"a": 1}',
    "digits.txt": b"0123456789",
    "empty.bin": b"",
}
TYPES = {
    "index.html": "text/html",
    "style.css": "text/css",
    "logo.svg": "image/svg+xml",
    "app.wasm": "application/wasm",
    "data.json": "application/json",
    "digits.txt": "text/plain",
    "empty.bin": "application/octet-stream",
}
BIND = f"Bind(version=1.0.0) {{ Route<Http<Get>>/files/(?P<name>.+) -> {SITE}:/${{name}} => &; }}"


async def test_a_bind_serves_the_files_of_a_version(tmp_path: Path) -> None:
    async with bookshop(
        tmp_path, hosts={"site.example": "localhost:app", "one.example": f"{SITE}:/index.html"}
    ) as world:
        client = world.machine.client()
        await client.exec("create localhost:repo<Repo>; create localhost:repo:site<BundleSeries>")
        content = {"b": zipped({**FILES, "site.bind": BIND.encode()})}
        await client.exec(f"publish ^[ b ]-> {SITE}", files=content)
        await client.exec(f"create localhost:app<App>{{ +bind={SITE}:/site.bind, +config={SITE}:/site.bind }}")

        async def get(name: str, method: str = "GET", **headers: str):  # type: ignore[no-untyped-def]
            path = f"/files/{name}"
            return await ask(world.address, method, path, token=world.token, host="site.example", **headers)

        for name, bytes_ in FILES.items():
            whole = await get(name)
            assert (whole.status, whole.body) == (200, bytes_), (name, whole)
            assert whole.headers["content-type"].partition(";")[0] == TYPES[name]
            assert whole.headers["accept-ranges"] == "bytes" and whole.headers["content-length"] == str(len(bytes_))
            assert whole.headers["x-content-type-options"] == "nosniff" or not bytes_
        tag = (await get("digits.txt")).headers["etag"]
        kept = await get("digits.txt", if_none_match=tag)
        assert (kept.status, kept.body, kept.headers["etag"]) == (304, b"", tag)
        assert "content-length" not in kept.headers
        part = await get("digits.txt", range="bytes=2-4")
        assert (part.status, part.body, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
        fresh = await get("digits.txt", range="bytes=2-4", if_range=tag)
        stale = await get("digits.txt", range="bytes=2-4", if_range='"old"')
        assert (fresh.status, stale.status, stale.body) == (206, 200, b"0123456789")
        beyond = await get("digits.txt", range="bytes=10-")
        assert (beyond.status, beyond.headers["content-range"]) == (416, "bytes */10")
        head = await get("digits.txt", "HEAD")
        assert (head.status, head.body, head.headers["content-length"], head.headers["etag"]) == (200, b"", "10", tag)
        assert (await get("nothing.txt")).status == 404
        assert (await get("%2e%2e/%2e%2e/secret")).status in (400, 404)
        direct = await ask(world.address, "GET", "/", token=world.token, host="one.example")
        assert (direct.status, direct.body) == (200, FILES["index.html"])
        refused = await ask(world.address, "GET", "/files/index.html", token=world.stranger, host="site.example")
        assert refused.status in (403, 404) and b"hello" not in refused.body
