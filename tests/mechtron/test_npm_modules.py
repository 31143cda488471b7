"""Modules from npm, unmodified, at an address: their answers are those of Python's own libraries."""

from __future__ import annotations

import hashlib
import io
import os
import random
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from hyperverse_core import Machine
from mechtron.test_mechtrons import Make, ask, machine_plugins, make
from no_skips import NO_NPM
from thoroughness import THOROUGH

__all__ = ["machine_plugins", "make"]

FOLDER = Path(os.environ.get("HYPERVERSE_NPM", ""), "node_modules")
pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(not FOLDER.is_dir() or "HYPERVERSE_NPM" not in os.environ, reason=NO_NPM),
]
INPUTS = 200 if THOROUGH else 20


def module(path: str) -> bytes:
    return (FOLDER / path).read_bytes()


def inputs() -> list[bytes]:
    chosen = random.Random(4711)
    return [chosen.randbytes(chosen.choice((0, 1, 31, 64, 1000, 100_000))) for _ in range(INPUTS)]


async def done(machine: Machine, point: str, *steps: Any) -> Any:
    return (await ask(machine, point, "Steps", list(steps))).unwrap()


async def test_xxhash_wasm_gives_the_hashes_of_xxhash(machine: Machine, make: Make) -> None:
    xxhash = pytest.importorskip("xxhash")
    point = await make("xx", module("xxhash-wasm/workerd/xxhash.wasm"), "Limits { +memory=4; }")
    for each in inputs():
        small = {"call": "xxh32", "args": [0, len(each), 3], "unsigned": True}
        large = {"call": "xxh64", "args": [0, len(each), 5], "unsigned": True}
        found = (await done(machine, point, {"write": each, "at": 0}, small, {"write": each, "at": 0}, large))[1::2]
        assert found == [xxhash.xxh32_intdigest(each, 3), xxhash.xxh64_intdigest(each, 5)]


async def test_as_sha256_gives_the_hashes_of_hashlib(machine: Machine, make: Make) -> None:
    point = await make("sha", module("@chainsafe/as-sha256/build/optimized.wasm"), "Limits { +memory=4; }")
    for each in (part[:512] for part in inputs()):
        steps: list[dict[str, Any]] = [{"global": "input", "as": "in"}, {"global": "output", "as": "out"}]
        steps += [{"write": each, "at": "$in"}, {"call": "init"}, {"call": "update", "args": ["$in", len(each)]}]
        steps += [{"call": "final", "args": ["$out"]}, {"get": "$out", "size": 32}]
        assert (await done(machine, point, *steps))[-1] == hashlib.sha256(each).digest()


def png(width: int, height: int, pixels: bytes) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    rows = b"".join(b"\0" + pixels[4 * width * y : 4 * width * (y + 1)] for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


async def test_lodepng_decodes_what_was_drawn(machine: Machine, make: Make) -> None:
    point = await make("png", module("@cwasm/lodepng/lodepng.wasm"), "Limits { +memory=8; }")
    chosen = random.Random(4712)
    for _ in range(INPUTS):
        width, height = chosen.randint(1, 60), chosen.randint(1, 60)
        pixels = chosen.randbytes(4 * width * height)
        steps: list[dict[str, Any]] = [
            {"put": png(width, height, pixels), "as": "in"},
            {"call": "malloc", "args": [12], "as": "meta"},
            {"call": "lodepng_decode32", "args": ["$meta", "$meta+4", "$meta+8", "$in", "$in.size"]},
            {"get": "$meta", "type": "u32", "as": "at"},
            {"get": "$meta+4", "type": "u32"},
            {"get": "$meta+8", "type": "u32"},
            {"get": "$at", "size": len(pixels)},
        ]
        _, _, error, _, *found = await done(machine, point, *steps)
        assert (error, found) == (0, [width, height, pixels])


async def test_webp_decodes_as_pillow_does(machine: Machine, make: Make) -> None:
    images = pytest.importorskip("PIL.Image")
    point = await make("webp", module("@cwasm/webp/webp.wasm"), "Limits { +memory=8; }")
    chosen = random.Random(4713)
    for number in range(INPUTS):
        size = chosen.randint(1, 60), chosen.randint(1, 60)
        drawn = images.frombytes("RGBA", size, chosen.randbytes(4 * size[0] * size[1]))
        packed = io.BytesIO()
        drawn.save(packed, "WEBP", lossless=number % 2 == 0, exact=True, quality=chosen.randint(1, 100), method=0)
        wanted = images.open(packed).convert("RGBA").tobytes()
        steps: list[dict[str, Any]] = [
            {"put": packed.getvalue(), "as": "in"},
            {"call": "malloc", "args": [8], "as": "meta"},
            {"call": "WebPDecodeRGBA", "args": ["$in", "$in.size", "$meta", "$meta+4"], "as": "at"},
            {"get": "$meta", "type": "u32"},
            {"get": "$meta+4", "type": "u32"},
            {"get": "$at", "size": len(wanted)},
        ]
        assert (await done(machine, point, *steps))[3:] == [*size, wanted]


async def test_argon2_browser_gives_the_hashes_of_argon2_cffi(machine: Machine, make: Make) -> None:
    argon2 = pytest.importorskip("argon2.low_level")
    shortened = 'Library { +malloc=f; +import="a.a=memcpy"; +import="a.b=grow"; } Limits { +memory=32; }'
    point = await make("argon", module("argon2-browser/dist/argon2.wasm"), shortened)
    chosen = random.Random(4714)
    for _ in range(INPUTS):
        password, salt = chosen.randbytes(chosen.randint(0, 100)), chosen.randbytes(chosen.randint(8, 32))
        times, kind, size = chosen.randint(1, 3), chosen.choice((0, 1, 2)), chosen.randint(4, 64)
        memory = chosen.randint(8, 64)
        wanted = argon2.hash_secret_raw(password, salt, times, memory, 1, size, argon2.Type(kind))
        numbers: list[Any] = [times, memory, 1, "$password", len(password), "$salt", len(salt), "$hash", size]
        steps: list[dict[str, Any]] = [
            {"put": password, "as": "password"},
            {"put": salt, "as": "salt"},
            {"call": "f", "args": [size], "as": "hash"},
            {"call": "l", "args": [*numbers, 0, 0, kind, 0, 0, 0, 0, 0x13]},  # argon2_hash_ext
            {"get": "$hash", "size": size},
        ]
        assert (await done(machine, point, *steps))[3:] == [0, wanted]
