"""The parts of a handshake for authors of transports: two sides that say the same agree, and nobody else does."""

from __future__ import annotations

import pytest

from hyperverse_core.errors import BadRequest
from hyperverse_core.lanes.key_texts import LOW_ORDER
from hyperverse_core.transport import Cipher, Identity, KeyAgreement, KeyTexts, NotProven, SecretKey

PATTERN = b"Noise_NK_25519_ChaChaPoly_SHA256"
LISTENER = SecretKey(bytes(range(32)))


def both(known: bytes = b"as it was said") -> tuple[KeyAgreement, KeyAgreement, SecretKey]:
    """The two sides of a handshake behind its first fresh key, and that key."""
    fresh = SecretKey()
    one = KeyAgreement(PATTERN, known, LISTENER.public)
    other = KeyAgreement(PATTERN, b"as it was said", LISTENER.public)
    for side in (one, other):
        side.mix(fresh.public)
    one.agree(fresh, LISTENER.public)
    other.agree(LISTENER, fresh.public)
    return one, other, fresh


def test_two_sides_that_heard_the_same_have_the_same_keys() -> None:
    one, other, _ = both()
    assert other.open(one.seal(b"hello")) == b"hello"
    assert one.split() == other.split()
    ours, theirs = one.split()
    assert ours != theirs


def test_a_side_that_heard_something_else_cannot_read() -> None:
    one, other, _ = both(known=b"as somebody changed it")
    with pytest.raises(NotProven):
        other.open(one.seal(b"hello"))


def test_a_message_of_a_stranger_leaves_the_agreement_as_it_was() -> None:
    one, other, fresh = both()
    attempt = other.before_message()
    attempt.agree(LISTENER, SecretKey().public)
    with pytest.raises(NotProven):
        attempt.open(one.seal(b"hello"))
    one, again = other.before_message(), other.before_message()
    one.agree(fresh, LISTENER.public)
    again.agree(LISTENER, fresh.public)
    assert again.open(one.seal(b"hello")) == b"hello"


@pytest.mark.parametrize("public", [b"", b"short", bytes(32)], ids=["nothing", "too short", "zeros"])
def test_what_cannot_be_a_key_proves_nothing(public: bytes) -> None:
    with pytest.raises(NotProven, match="key of the other side"):
        LISTENER.shared_with(public)


def test_a_message_that_comes_again_is_not_the_next_one() -> None:
    key = bytes(range(32))
    seal, opens = Cipher(key), Cipher(key)
    first = seal.seal(b"one", b"bound")
    assert opens.open(first, b"bound") == b"one"
    with pytest.raises(NotProven, match="not the next one"):
        opens.open(first, b"bound")


def test_a_text_that_is_no_key_is_refused_in_the_name_of_its_transport() -> None:
    keys = KeyTexts("pigeons")
    with pytest.raises(BadRequest, match="transport 'pigeons'"):
        keys.bytes_of("coo")
    with pytest.raises(BadRequest, match="the loft must have a key pair of the transport 'pigeons'"):
        keys.secret_of(Identity("coo", "coo"), "the loft")


@pytest.mark.parametrize("sign", [0, 2**255], ids=["", "with the bit that nobody looks at"])
@pytest.mark.parametrize("number", sorted(LOW_ORDER))
def test_a_key_with_which_every_secret_gives_the_same_is_refused(number: int, sign: int) -> None:
    """The table has just those that the library refuses to compute with."""
    key, keys = (number + sign).to_bytes(32, "little"), KeyTexts("pigeons")
    with pytest.raises(NotProven):
        SecretKey().shared_with(key)
    with pytest.raises(BadRequest, match="anybody could prove"):
        keys.bytes_of(keys.text_of(key))


def test_a_new_pair_is_read_back_and_no_command_takes_it_for_an_option() -> None:
    keys = KeyTexts("pigeons")
    for _ in range(200):
        pair = keys.new_identity()
        assert not pair.public.startswith("-")
        assert keys.text_of(keys.bytes_of(pair.public)) == pair.public
        assert SecretKey(keys.secret_of(pair, "the loft")).public == keys.bytes_of(pair.public)
