"""Addresses, settings, and what a transport leaves behind: nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from hyperverse_core.contracts.lane import Endpoint, Identity
from hyperverse_core.errors import BadRequest, ConfigError, Unavailable
from hyperverse_core.testing.lane_kit.harness import Harness
from hyperverse_zmq.transport import ZmqTransport
from patience import PATIENCE, budget


@pytest.fixture
async def harness() -> AsyncIterator[Harness]:
    harness = Harness(ZmqTransport, str, PATIENCE)
    yield harness
    harness.end()


async def _open(harness: Harness, address: str) -> str:
    transport = await harness.transport()
    return await transport.open(Endpoint("stars", address, transport.new_identity()), harness.recorder())


async def test_a_socket_that_nobody_serves_is_replaced(harness: Harness, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "endpoint"))
    assert (tmp_path / "endpoint").exists()
    assert await _open(harness, f"ipc://{tmp_path}/endpoint") == f"ipc://{tmp_path}/endpoint"


async def test_a_living_socket_is_never_taken_over(harness: Harness, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as alive:
        alive.bind(str(tmp_path / "endpoint"))
        alive.listen()
        with pytest.raises(Unavailable, match="endpoint' is in use"):
            await _open(harness, f"ipc://{tmp_path}/endpoint")


async def test_a_file_is_never_replaced_by_a_socket(harness: Harness, tmp_path: Path) -> None:
    (tmp_path / "endpoint").write_text("precious")
    with pytest.raises(Unavailable, match="not a socket"):
        await _open(harness, f"ipc://{tmp_path}/endpoint")
    assert (tmp_path / "endpoint").read_text() == "precious"


async def test_a_path_that_no_socket_can_have_is_refused_with_a_cure(harness: Harness, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"longer than 103 bytes\n  hint: choose a shorter"):
        await _open(harness, f"ipc://{tmp_path}/{'x' * 100}")


async def test_a_missing_folder_is_named_with_a_cure(harness: Harness, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"nowhere/endpoint'.*\n  hint: its directory does not exist"):
        await _open(harness, f"ipc://{tmp_path}/nowhere/endpoint")


@pytest.mark.parametrize(
    "address", ["ipc://", "tcp://host", "tcp://host:port", "tcp://:80", "tcp://h:70000", "tcp://a b:80", "udp://h:1"]
)
async def test_what_is_no_address_is_refused(harness: Harness, address: str) -> None:
    with pytest.raises(BadRequest, match="not an address"):
        await _open(harness, address)
    transport = await harness.transport()
    key = transport.new_identity().public
    with pytest.raises(BadRequest, match="not an address"):
        await transport.connect(address, harness.recorder(), server_key=key)


async def test_a_port_in_use_is_named(harness: Harness) -> None:
    address = await _open(harness, "tcp://127.0.0.1:*")
    with pytest.raises(Unavailable, match="in use"):
        await _open(harness, address)


async def test_an_address_of_another_computer_is_refused_with_a_cure(harness: Harness) -> None:
    with pytest.raises(Unavailable, match="computer does not have that address"):
        await _open(harness, "tcp://192.0.2.1:4444")


async def test_lanes_work_over_ipv6() -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this computer has no IPv6")
    harness = Harness(ZmqTransport, lambda: "tcp://[::1]:*", PATIENCE)
    await (await harness.pair()).prove_it_works()
    harness.end()


async def test_an_endpoint_without_a_key_is_refused(harness: Harness) -> None:
    transport = await harness.transport()
    for identity in (Identity(), Identity("short", "short")):
        with pytest.raises(BadRequest, match="CURVE key pair"):
            await transport.open(Endpoint("stars", "", identity), harness.recorder())
    with pytest.raises(BadRequest, match=r"not the public key of a machine|no server_key is given"):
        await transport.connect("tcp://127.0.0.1:1", harness.recorder())


def test_no_key_looks_like_an_option_of_a_command() -> None:
    transport = ZmqTransport()
    assert not any(transport.new_identity().public.startswith("-") for _ in range(1000))


def test_all_faults_of_the_settings_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        ZmqTransport({"max_frames": 1, "queue_bytes": "many", "heartbeat_interval": 0})
    assert len(caught.value.faults) == 3
    assert "did you mean 'max_frame'" in str(caught.value)


async def test_nobody_there_is_told_at_once(harness: Harness, tmp_path: Path) -> None:
    transport = await harness.transport()
    key, began = transport.new_identity().public, asyncio.get_running_loop().time()
    for address in (f"ipc://{tmp_path}/nobody", "tcp://127.0.0.1:1"):
        with pytest.raises(Unavailable, match="nobody listens"):
            await transport.connect(address, harness.recorder(), server_key=key, timeout=PATIENCE)
    assert asyncio.get_running_loop().time() - began < budget(5.0)


def _open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


async def _fall_to(files: int) -> None:
    """Waits until no more than so many files are open: ZeroMQ's own thread closes what was lost in its own time."""
    async with asyncio.timeout(PATIENCE):
        while _open_files() > files:  # noqa: ASYNC110 (nothing tells of a closed descriptor)
            await asyncio.sleep(0.01)


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files that no other test uses; its path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="hv-") as made:
        monkeypatch.setattr(tempfile, "tempdir", made)
        yield Path(made)


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_nothing_is_left(how: str, folder: Path) -> None:
    async def round_trip() -> None:
        harness = Harness(ZmqTransport, str, PATIENCE)
        pair = await harness.pair()
        await pair.prove_it_works()
        with contextlib.suppress(Unavailable):
            await pair.near.connect("tcp://127.0.0.1:1", harness.recorder(), server_key=pair.endpoint.identity.public)
        for transport in (pair.near, pair.far):
            if how == "close":
                await transport.close()
            else:
                transport.abort()

    await round_trip()
    files, threads, tasks = _open_files(), threading.active_count(), len(asyncio.all_tasks())
    left = _names(folder)
    for _ in range(10):
        await round_trip()
    await _fall_to(files)
    assert threading.active_count() <= threads
    assert len(asyncio.all_tasks()) <= tasks
    assert _names(folder) <= left


async def test_a_lost_connection_leaves_no_descriptor(harness: Harness) -> None:
    pair = await harness.pair()
    again = await harness.join(pair.far, pair.far_hears, pair.address, pair.endpoint, near=pair.near)
    await pair.far.disconnect(again.guest)
    await again.near_hears.have_down(again.peer)
    files = _open_files()
    for _ in range(20):
        again = await harness.join(pair.far, pair.far_hears, pair.address, pair.endpoint, near=pair.near)
        await pair.far.disconnect(again.guest)
        await again.near_hears.have_down(again.peer)
    await pair.prove_it_works()
    await _fall_to(files + 5)  # twenty were lost; one that is just connecting again is no leak


@contextlib.contextmanager
def _descriptors(left: int) -> Iterator[None]:
    """Leaves this process only so many file descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (_open_files() + 64, hard))
    try:
        with contextlib.suppress(OSError):
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        for _ in range(left):
            os.close(held.pop())
        yield
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("left", range(3))
async def test_a_connection_that_finds_no_descriptor_says_so_and_leaves_nothing(harness: Harness, left: int) -> None:
    pair = await harness.pair()
    key, files = pair.endpoint.identity.public, _open_files()
    for _ in range(3):
        with (
            _descriptors(left),
            pytest.raises(Unavailable, match=r"cannot connect to .*open files\n  hint: .*ulimit -n"),
        ):
            await pair.near.connect(pair.address, harness.recorder(), server_key=key)
        await _fall_to(files)
    again = await harness.join(pair.far, pair.far_hears, pair.address, pair.endpoint, near=pair.near)
    await again.prove_it_works()
    await pair.prove_it_works()


@pytest.mark.parametrize("left", range(4))
async def test_an_endpoint_that_finds_no_descriptor_says_so_and_leaves_nothing(
    harness: Harness, left: int, folder: Path
) -> None:
    pair = await harness.pair()
    address, files, names = f"ipc://{folder}/endpoint", _open_files(), _names(folder)
    for _ in range(3):
        with (
            _descriptors(left),
            pytest.raises(Unavailable, match=r"cannot listen at .*open files\n  hint: .*ulimit -n"),
        ):
            await pair.far.open(Endpoint("more", address, pair.endpoint.identity), harness.recorder())
        await _fall_to(files)
    assert _names(folder) == names
    await pair.far.open(Endpoint("more", address, pair.endpoint.identity), pair.far_hears)
    again = await harness.join(pair.far, pair.far_hears, address, pair.endpoint)
    await again.prove_it_works()
