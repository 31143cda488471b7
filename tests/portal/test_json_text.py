"""JSON that takes far more memory than its bytes is refused before anything is made of it."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hyperverse_core.errors import TooLarge
from hyperverse_portal.json_text import MOST_GROUPS, MOST_VALUES, value_of
from portal.bookshop import bookshop
from portal.web import ask


def many(part: str, count: int) -> bytes:
    return ("[" + ",".join([part] * count) + "]").encode()


@pytest.mark.parametrize(
    "text",
    [
        many("[]", MOST_GROUPS),
        many("{}", MOST_GROUPS),
        many('{"a":1}', MOST_GROUPS),
        many("0", MOST_VALUES + 1),
        b'{"text": "' + b"[" * 1000 + b'", "more": ' + many("[]", MOST_GROUPS) + b"}",
    ],
    ids=["lists", "objects", "rows", "numbers", "behind a text"],
)
def test_too_many_values_are_refused_and_not_made(text: bytes) -> None:
    for each in (text, text.decode()):
        tracemalloc.start()
        try:
            with pytest.raises(TooLarge):
                value_of(each)
            assert tracemalloc.get_traced_memory()[1] < 3 * len(text) + 100_000
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize(
    "value",
    [
        "[" * 200_000,
        "," * 1_200_000,
        '\\"[' * 200_000,
        {"a" * 10 + "[" * 200_000: "\\" * 1000},
        [[]] * (MOST_GROUPS - 1),
        [0] * MOST_VALUES,
    ],
    ids=["brackets", "commas", "escapes", "a name", "lists", "numbers"],
)
def test_what_is_in_texts_does_not_count(value: Any) -> None:
    text = json.dumps(value).encode()
    assert value_of(text) == value_of(text.decode()) == value


@pytest.mark.parametrize("text", [b'"' + b'\\"[' * 300_000, b'["' + b"[" * 200_000 + b"\\", b'"' * 400_001 + b"[" * 9])
def test_a_text_that_does_not_end_is_no_json(text: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, TooLarge)):
        value_of(text)


async def test_the_portal_answers_413_where_it_is_asked_for_json(tmp_path: Path) -> None:
    async with bookshop(tmp_path, body=1024 * 1024) as world:
        path = "/-/api/ping/localhost:books/Ext<Put>"
        sent = {"token": world.token, "body": many("[]", MOST_GROUPS), "content_type": "application/json"}
        for where in (path, "/"):
            got = await ask(world.address, "POST", where, host="books.example", **sent)
            assert got.status == 413 and b"lists and objects" in got.body
