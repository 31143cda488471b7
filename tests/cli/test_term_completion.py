"""What Tab offers in ``hyperverse term``."""

from __future__ import annotations

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from hyperverse_core import Client
from hyperverse_core.cli.talk.term_completion import TermCompleter


async def offered(client: Client, text: str) -> list[str]:
    completer = TermCompleter(client)
    found = completer.get_completions_async(Document(text), CompleteEvent(completion_requested=True))
    return [text[: len(text) + c.start_position] + c.text async for c in found]


@pytest.fixture
async def filled(client: Client) -> Client:
    """A client of a machine with some particles."""
    script = "create localhost<Space>; create localhost:hits<Base>; create localhost:hats<Base>; create other<Space>;"
    for result in await client.exec(script):
        assert result.ok, result.error
    return client


async def test_commands_are_completed(filled: Client) -> None:
    assert await offered(filled, "cre") == ["create"]
    assert "select" in await offered(filled, "")


async def test_points_are_completed_segment_by_segment(filled: Client) -> None:
    assert "ping localhost" in await offered(filled, "ping lo")
    assert await offered(filled, "ping localhost:h") == ["ping localhost:hats", "ping localhost:hits"]


async def test_kinds_are_completed_behind_the_bracket(filled: Client) -> None:
    assert await offered(filled, "create x<Spa") == ["create x<Space>"]


async def test_nothing_is_offered_where_nothing_fits(filled: Client) -> None:
    assert await offered(filled, "ping nowhere:x") == []
