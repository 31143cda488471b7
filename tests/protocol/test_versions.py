"""Ranges of protocol numbers, and what two sides agree on."""

from __future__ import annotations

import pytest

from hyperverse_core.errors import ProtocolError
from hyperverse_core.protocol.versions import (
    BETWEEN_MACHINES,
    PROTOCOLS,
    WITH_CLIENTS,
    Party,
    ProtocolRange,
    Translation,
    agreed_number,
    reader_of,
    sender_of,
)


@pytest.mark.parametrize(
    ("ours", "theirs", "agreed"),
    [
        ((1, 1), (1, 1), 1),
        ((2, 1), (3, 2), 2),
        ((3, 2), (2, 1), 2),
        ((5, 1), (3, 3), 3),
        ((2, 2), (1, 1), None),
        ((1, 1), (3, 2), None),
        ((1, 1), (1, 2), None),  # a range upside down fits nothing
    ],
)
def test_both_use_the_highest_number_that_both_understand(
    ours: tuple[int, int], theirs: tuple[int, int], agreed: int | None
) -> None:
    assert ProtocolRange(*ours).agreed_with(ProtocolRange(*theirs)) == agreed
    assert ProtocolRange(*theirs).agreed_with(ProtocolRange(*ours)) == agreed


def test_a_first_frame_without_a_lowest_number_announces_one_number() -> None:
    assert ProtocolRange.announced(3, 0) == ProtocolRange(3, 3)
    assert ProtocolRange.announced(3, 2) == ProtocolRange(3, 2)


def test_a_refusal_names_both_versions_and_ranges_and_whom_to_upgrade() -> None:
    ours, theirs = Party("machine 'a'", "1.0", ProtocolRange(2, 1)), Party("machine 'b'", "2.0", ProtocolRange(4, 3))
    with pytest.raises(ProtocolError) as caught:
        agreed_number(ours, theirs)
    assert caught.value.status == 502
    assert "machine 'a' (version 1.0) speaks 2, understands 1" in caught.value.message
    assert "machine 'b' (version 2.0) speaks 4, understands 3" in caught.value.message
    assert caught.value.hint == "upgrade machine 'a'"


def test_every_older_number_that_this_release_understands_has_its_translations() -> None:
    older = set(range(PROTOCOLS.understands, PROTOCOLS.speaks))
    assert set(BETWEEN_MACHINES) == older
    assert set(WITH_CLIENTS) == older


def test_without_a_translation_nothing_stands_between_frames_and_transport() -> None:
    def transmit(peer: object, frame: bytes, *, priority: int = 3) -> None:
        raise AssertionError

    assert sender_of(transmit, 2, {}) is transmit
    assert reader_of(2, {}) is None


def test_a_translation_is_applied_to_each_frame_both_ways() -> None:
    sent: list[tuple[object, bytes, int]] = []

    def transmit(peer: object, frame: bytes, *, priority: int = 3) -> None:
        sent.append((peer, frame, priority))

    older = {1: Translation(lambda frame: b"old " + frame, lambda frame: frame.removeprefix(b"old "))}
    sender_of(transmit, 1, older)("peer", b"frame", priority=2)
    assert sent == [("peer", b"old frame", 2)]
    read = reader_of(1, older)
    assert read is not None
    assert read(b"old frame") == b"frame"
