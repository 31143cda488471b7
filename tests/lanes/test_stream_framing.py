"""Messages come out as they went in, however the system cuts them; all connections are read into one buffer."""

from __future__ import annotations

import random
from unittest.mock import Mock

import pytest

from hyperverse_stream.framed import HEAD, Framed, read_buffer

LARGEST = 1000


class End(Framed):
    """One end of a connection, which keeps what has come."""

    def __init__(self, buffer: memoryview) -> None:
        super().__init__(LARGEST, buffer)
        self.messages: list[bytes] = []
        self.faults: list[str] = []
        self.rests = 0
        self.take = self.messages.append
        self.rested = self.rest
        self._stream = Mock()

    def fault(self, what: str) -> None:
        self.faults.append(what)
        self._stream = None

    def rest(self) -> None:
        self.rests += 1

    def arrives(self, data: bytes) -> None:
        """As the event loop does it."""
        while data:
            view = self.get_buffer(-1)
            count = min(len(data), len(view))
            view[:count] = data[:count]
            data = data[count:]
            self.buffer_updated(count)


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(HEAD, "little") + message


def some_messages(chance: random.Random) -> list[bytes]:
    return [chance.randbytes(chance.choice([0, 1, 3, 4, 5, 100, LARGEST])) for _ in range(40)]


@pytest.mark.parametrize("seed", range(20))
def test_two_connections_in_one_buffer_keep_their_messages_apart(seed: int) -> None:
    chance, buffer = random.Random(seed), read_buffer()
    ends = [End(buffer), End(buffer)]
    sent = [some_messages(chance) for _ in ends]
    left = [b"".join(map(framed, messages)) for messages in sent]
    while any(left):
        one = chance.randrange(2)
        count = chance.choice([1, 2, 3, 4, 5, 104, 2000])
        ends[one].arrives(left[one][:count])
        left[one] = left[one][count:]
    assert [end.messages for end in ends] == sent
    assert not ends[0].faults and not ends[1].faults


def test_a_part_that_looks_like_a_message_is_none() -> None:
    end = End(read_buffer())
    message = b"ab" + framed(b"inner")
    end.arrives(framed(message)[:-9])
    end.arrives(framed(message)[-9:])
    assert end.messages == [message]


def test_fewer_bytes_than_a_length_are_not_completed_by_those_of_another_connection() -> None:
    buffer = read_buffer()
    one, other = End(buffer), End(buffer)
    one.arrives(framed(b""))
    for count in range(1, HEAD):
        other.arrives(bytes(count))
        assert not other.messages or count == 3
        one.arrives(framed(b""))
    assert one.messages == [b""] * HEAD


@pytest.mark.parametrize("at_once", [True, False])
def test_nothing_is_taken_behind_a_message_that_is_too_large(at_once: bool) -> None:
    end = End(read_buffer())
    data = framed(b"a") + framed(bytes(LARGEST + 1)) + framed(b"b")
    for part in [data] if at_once else [data[at : at + 1] for at in range(len(data))]:
        end.arrives(part)
    assert end.messages == [b"a"]
    assert end.faults == [f"a message of {LARGEST + 1} bytes is larger than {LARGEST}"]


def test_a_message_may_change_who_takes_the_next_ones() -> None:
    end = End(read_buffer())
    later: list[bytes] = []

    def first(message: bytes) -> None:
        end.messages.append(message)
        end.take = later.append

    end.take = first
    end.arrives(framed(b"a") + framed(b"b"))
    end.arrives(framed(b"c"))
    assert (end.messages, later, end.rests) == ([b"a"], [b"b", b"c"], 2)


def test_a_closed_connection_takes_nothing() -> None:
    end = End(read_buffer())
    end._stream = None
    end.arrives(framed(b"a"))
    assert not end.messages and not end.rests
