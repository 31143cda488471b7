"""Whoever else uses the NATS server is not heard, and harms nobody: on every subject, with whatever message."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import secrets
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import nats
import pytest

from hyperverse_core.contracts.lane import Endpoint
from hyperverse_core.errors import Unavailable
from hyperverse_core.testing.lane_kit.harness import Harness, Pair
from hyperverse_core.transport import NotProven, SecretKey
from hyperverse_nats.address import Subjects
from hyperverse_nats.attempt import NO_RESPONDERS, ConnectAttempt
from hyperverse_nats.handshake import KEYS, CookieProof, IkInitiator
from hyperverse_nats.introduction import COOKIE, HELLO, PROBE, WELCOME, Introduction
from hyperverse_nats.listener import COOKIE_BYTES
from hyperverse_nats.presence import Beats
from hyperverse_nats.transport import NatsTransport
from patience import PATIENCE, budget, until
from thoroughness import THOROUGH

MANY = 100_000 if THOROUGH else 2_000


class Stranger:
    """Another client of the server, who hears everything and may say everything."""

    def __init__(self, client: Any, prefix: str) -> None:
        self.client, self._prefix = client, prefix
        self.heard: list[tuple[str, bytes, str]] = []

    @classmethod
    async def come(cls, settings: dict[str, Any]) -> Stranger:
        stranger = cls(await nats.connect(settings["servers"]), settings["prefix"])
        await stranger.client.subscribe(f"{settings['prefix']}.>", cb=stranger._hear)
        for _ in range(2):  # it writes a ping before what waits to be written
            await stranger.client.flush()
        return stranger

    async def _hear(self, message: Any) -> None:
        self.heard.append((message.subject, message.data, message.reply))

    def subjects(self) -> list[tuple[str, str]]:
        """All subjects that were used so far, each with a subject for answers."""
        return list({subject: (subject, reply) for subject, _, reply in self.heard}.values())

    async def say(self, subject: str, message: bytes, reply: str = "") -> None:
        await self.client.publish(subject, message, reply=reply)


@pytest.fixture
async def harness(nats_settings: dict[str, Any]) -> AsyncIterator[Harness]:
    harness = Harness(partial(NatsTransport, nats_settings), lambda: "", PATIENCE)
    yield harness
    harness.end()


@pytest.fixture
async def stranger(nats_settings: dict[str, Any]) -> AsyncIterator[Stranger]:
    stranger = await Stranger.come(nats_settings)
    yield stranger
    await stranger.client.close()


async def all_kinds(harness: Harness, stranger: Stranger) -> Pair:
    """A connection by which messages of all kinds have gone."""
    pair = await harness.pair()
    await pair.prove_it_works()
    await until(lambda: sum(".here." in subject for subject, _ in stranger.subjects()) == 2, "both signs of life")
    return pair


def once_each(caplog: pytest.LogCaptureFixture) -> None:
    """Each thing was logged once at most."""
    lines = [record.getMessage() for record in caplog.records if record.name == "hyperverse.lane.nats"]
    kinds = [line for line in lines if "stranger" in line or "third party" in line or "impostor" in line]
    assert kinds, "nothing was logged"
    assert max(kinds.count(line) for line in kinds) <= 4, kinds  # once in each transport of the test


@pytest.mark.parametrize("what", ["random bytes", "nothing", "replayed", "truncated", "changed", "of another session"])
async def test_what_a_stranger_says_on_each_subject_is_refused_and_logged_once(
    harness: Harness, stranger: Stranger, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    pair = await all_kinds(harness, stranger)
    chance, heard = random.Random(1), list(stranger.heard)
    said: list[tuple[str, bytes, str]] = []
    if what == "random bytes":
        sizes = (1, 7, 25, 72, 200, 5000)
        said = [(s, chance.randbytes(size), r) for s, r in stranger.subjects() for size in sizes]
    elif what == "nothing":
        said = [(s, b"", r) for s, r in stranger.subjects()]
    elif what == "replayed":
        said = heard
    elif what == "truncated":
        said = [(s, message[: len(message) // 2], r) for s, message, r in heard]
    elif what == "changed":
        said = [(s, message[:-1] + bytes([message[-1] ^ 1]), r) for s, message, r in heard if message]
    else:
        other = await harness.pair()
        await other.prove_it_works()
        await asyncio.sleep(0)
        new = stranger.heard[len(heard) :]
        said = [(subject, message, reply) for subject, _ in stranger.subjects() for _, message, reply in new]
    with caplog.at_level(logging.DEBUG, "hyperverse.lane.nats"):
        for _ in range(3):
            for subject, message, reply in said:
                await stranger.say(subject, message, reply)
        await stranger.client.flush()
        await pair.prove_it_works()
        await (await harness.join(pair.far, pair.far_hears, pair.address, pair.endpoint)).prove_it_works()
    assert pair.far_hears.downs == []
    assert pair.near_hears.downs == []
    assert pair.far_hears.frames(pair.guest) == [b"works?"] * 2
    once_each(caplog)


@pytest.mark.parametrize("what", ["cookies", "welcomes", "nobody is here", "all"])
async def test_who_answers_in_the_place_of_a_listener_keeps_nobody_from_listening_and_connecting(
    harness: Harness, stranger: Stranger, nats_settings: dict[str, Any], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for grace in ("_GRACE", "_UNPROVEN_GRACE"):  # a busy computer may take longer to shake hands
        monkeypatch.setattr(f"hyperverse_nats.attempt.{grace}", PATIENCE)

    async def answer(message: Any) -> None:
        if what in ("cookies", "all"):
            for _ in range(3):
                await stranger.say(message.reply, COOKIE + secrets.token_bytes(COOKIE_BYTES + CookieProof.BYTES))
        if what in ("welcomes", "all"):
            await stranger.say(message.reply, WELCOME + secrets.token_bytes(100))
            await stranger.say(message.reply, b"")
        if what in ("nobody is here", "all"):
            await stranger.client.publish(message.reply, b"", headers={"Status": NO_RESPONDERS})

    await stranger.client.subscribe(f"{nats_settings['prefix']}.listen.*", cb=answer)
    for _ in range(2):
        await stranger.client.flush()
    pair = await harness.pair()
    await pair.prove_it_works()
    await (await harness.join(pair.far, pair.far_hears, pair.address, pair.endpoint)).prove_it_works()


@pytest.mark.parametrize("count", [1, 17, 1000])
async def test_made_up_cookies_keep_nobody_from_connecting_even_before_the_true_one(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    say, said = ConnectAttempt._say, list[bytes]()

    def say_beside_a_stranger(attempt: ConnectAttempt, message: bytes) -> None:
        say(attempt, message)
        said.append(message[:1])
        for _ in range(count):
            attempt.take(COOKIE + secrets.token_bytes(COOKIE_BYTES + CookieProof.BYTES), "")

    pair = await harness.pair()
    monkeypatch.setattr(ConnectAttempt, "_say", say_beside_a_stranger)
    await (await harness.join(pair.far, pair.far_hears, pair.address, pair.endpoint)).prove_it_works()
    assert said == [PROBE, HELLO], "only the true cookie is worth a handshake"


async def test_a_cookie_for_the_subject_of_a_stranger_is_no_cookie_for_us() -> None:
    ours, listener = SecretKey(), SecretKey()
    at_listener, at_us = CookieProof(listener, ours.public), CookieProof(ours, listener.public)
    said = at_listener.add_to(b"cookie", "ours")
    assert at_us.cookie_in(said, "ours") == b"cookie"
    for wrong, subject in ((said, "a stranger's"), (said[:-1], "ours"), (b"", "ours")):
        with pytest.raises(NotProven):
            at_us.cookie_in(wrong, subject)


async def test_a_peer_cannot_have_another_peer_written_to(
    harness: Harness, stranger: Stranger, nats_settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """A peer of ours that names another connection than the subject that it asks us to answer at gets no answer."""
    pair = await harness.pair()
    subjects, name = Subjects(nats_settings["prefix"]), pair.address.removeprefix("nats:")
    listener = KEYS.bytes_of(pair.endpoint.identity.public)

    def answers(kind: bytes, inbox: str) -> list[bytes]:
        return [message for subject, message, _ in stranger.heard if subject == inbox and message[:1] == kind]

    async def ask(link: bytes, inbox: str) -> None:
        fresh = SecretKey()
        await stranger.say(subjects.listener(name), PROBE + fresh.public, inbox)
        await until(lambda: answers(COOKIE, inbox), "a cookie")
        said = HELLO + CookieProof(fresh, listener).cookie_in(answers(COOKIE, inbox)[0][1:], inbox)
        initiator = IkInitiator(said + name.encode(), KEYS.secret_of(KEYS.new_identity(), "we"), listener)
        ours = Introduction(session, link, Beats(session).key, 0, 1000)
        await stranger.say(subjects.listener(name), said + initiator.hello(ours.pack()), inbox)

    session, one, another = bytes(16), bytes(15) + b"1", bytes(15) + b"2"
    own, other = subjects.inbox(session, one), subjects.inbox(session, another)
    await ask(one, other)
    await ask(one, own)
    await until(lambda: answers(WELCOME, own), "a welcome")
    assert not answers(WELCOME, other)
    assert "somebody else's subject" in caplog.text
    await pair.prove_it_works()


async def test_an_address_that_comes_from_a_key_is_kept_by_those_who_hold_the_key(harness: Harness) -> None:
    pair = await harness.pair()
    copy = await harness.transport()
    with pytest.raises(Unavailable, match="in use"):
        await copy.open(Endpoint("stars", "", pair.endpoint.identity), harness.recorder())
    await pair.prove_it_works()
    assert [reason for _, reason in pair.far_hears.downs] == []


async def test_what_a_guest_has_proved_with_is_worth_nothing_when_a_stranger_says_it_again(
    stranger: Stranger, nats_settings: dict[str, Any]
) -> None:
    """Otherwise it would fill the places of a listener, each until its handshake is over."""
    harness = Harness(partial(NatsTransport, {**nats_settings, "max_peers": 4}), lambda: "", PATIENCE)
    try:
        pair = await harness.pair()
        await pair.prove_it_works()
        hellos = [heard for heard in stranger.heard if ".listen." in heard[0] and heard[1][:1] == HELLO]
        assert hellos
        for subject, message, reply in hellos * 10:
            await stranger.say(subject, message, reply)
        await stranger.client.flush()
        await pair.prove_it_works()
        await (await harness.join(pair.far, pair.far_hears, pair.address, pair.endpoint)).prove_it_works()
    finally:
        harness.end()


async def test_nothing_grows_by_what_strangers_say(harness: Harness, stranger: Stranger) -> None:
    pair = await all_kinds(harness, stranger)
    await stranger.client.flush()
    hellos = [(s, m, r) for s, m, r in stranger.heard if ".listen." in s]
    subjects = stranger.subjects()
    chance = random.Random(2)

    async def many(count: int) -> None:
        for number in range(count):
            subject, reply = subjects[number % len(subjects)]
            message = chance.randbytes(number % 100)
            if number % 3 == 0:
                subject, message, reply = chance.choice(hellos)
            await stranger.say(subject, message, reply)
            if number % 200 == 0:
                await stranger.client.flush()
                stranger.heard.clear()
        await stranger.client.flush()
        await pair.prove_it_works()
        stranger.heard.clear()

    await many(500)
    gc.collect()
    before = len(gc.get_objects())
    await many(MANY)
    gc.collect()
    assert len(gc.get_objects()) - before < 500
    assert pair.far_hears.downs == pair.near_hears.downs == []


async def test_a_stranger_cannot_keep_a_machine_alive_that_is_gone(harness: Harness, stranger: Stranger) -> None:
    pair = await all_kinds(harness, stranger)
    beats = [(s, m) for s, m, _ in stranger.heard if ".here." in s]
    await pair.near.connect(  # the far side has no other sign of it than its messages
        pair.address, harness.recorder(), server_key=pair.endpoint.identity.public
    )
    pair.near._session._client.cut()  # type: ignore[attr-defined]  # its cable is cut: nobody says goodbye

    async def repeat() -> None:
        while True:
            for subject, beat in beats:
                await stranger.say(subject, beat)
            await asyncio.sleep(0.05)

    repeating = asyncio.ensure_future(repeat())
    try:
        async with asyncio.timeout(budget(3.0)):
            await pair.far_hears.have_down(pair.guest)
    finally:
        repeating.cancel()


async def test_the_server_reads_nothing(harness: Harness, stranger: Stranger) -> None:
    pair = await harness.pair()
    pair.near.send(pair.peer, b"a secret word" * 10)
    await pair.far_hears.have(1, pair.guest)
    await pair.prove_it_works()
    assert not any(b"a secret word" in message for _, message, _ in stranger.heard)


async def test_frames_of_one_turn_are_one_message_and_signs_of_life_one_for_each_machine(
    harness: Harness, stranger: Stranger
) -> None:
    pair = await all_kinds(harness, stranger)
    for _ in range(9):
        await harness.join(pair.far, pair.far_hears, pair.address, pair.endpoint, near=pair.near)
    await stranger.client.flush()
    stranger.heard.clear()
    for number in range(500):
        pair.near.send(pair.peer, b"%d" % number)
    await pair.far_hears.have(501, pair.guest)
    await stranger.client.flush()
    large = [message for subject, message, _ in stranger.heard if ".in." in subject and len(message) > 1000]
    assert len(large) == 1
    stranger.heard.clear()
    beats = [0.0]
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await until(lambda: sum(".here." in s for s, _, _ in stranger.heard) >= 6, "signs of life")
    beats[0] = loop.time() - begun
    assert not [s for s, _, _ in stranger.heard if ".in." in s and s != "x"][20:], "idle connections say nothing"
    assert beats[0] > 0.7, "two machines say three times in all that they live, not once for each connection"
