"""The store of content in a folder: the kit, and what holds for its files."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from hyperverse_artifacts.files import FileBlobs
from hyperverse_core.blobs import PIECE, Blobs, digest_of, hex_of
from hyperverse_core.errors import ConfigError
from hyperverse_core.testing import BlobsConformance
from patience import START


class TestFileBlobs(BlobsConformance):
    def make(self, folder: Path) -> Blobs:
        return FileBlobs({"folder": str(folder / "blobs")})

    def damage(self, folder: Path, digest: str) -> bool:
        place = next(folder.glob(f"blobs/content/??/{hex_of(digest)}"))
        with place.open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            last = file.read(1)
            file.seek(-1, os.SEEK_END)
            file.write(bytes([last[0] ^ 1]))
        return True


async def test_its_files_are_private(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        blobs = FileBlobs({"folder": str(tmp_path / "blobs")})
        await blobs.open()
        await blobs.keep(b"content")
        await blobs.put(digest_of(b"a" * PIECE * 2), 2 * PIECE, 0, b"a" * PIECE, digest_of(b"a" * PIECE))
        await blobs.close()
    finally:
        os.umask(old)
    for path in [tmp_path / "blobs", *(tmp_path / "blobs").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.parametrize("settings", [{}, {"folder": ""}, {"folder": 3}, {"folder": "x", "colour": "red"}])
def test_wrong_settings_are_named(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        FileBlobs(settings)


KILLED = """
    import asyncio, os, signal, sys
    from hyperverse_artifacts.files import FileBlobs
    from hyperverse_core.blobs import PIECE, digest_of

    async def main():
        blobs = FileBlobs({"folder": sys.argv[1]})
        await blobs.open()
        content = b"".join(bytes([n]) * PIECE for n in range(40))
        left = int(sys.argv[2])
        for at in await blobs.missing(digest_of(content), len(content)):
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            piece = content[at : at + PIECE]
            await blobs.put(digest_of(content), len(content), at, piece, digest_of(piece))

    asyncio.run(main())
"""


async def test_an_upload_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    content = b"".join(bytes([n]) * PIECE for n in range(40))
    program = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path)]
    for done in (15, 30):
        assert (await asyncio.to_thread(subprocess.run, [*program, "15"], timeout=START)).returncode == -9
        blobs = FileBlobs({"folder": str(tmp_path)})
        await blobs.open()
        assert await blobs.size(digest_of(content)) is None
        assert len(await blobs.missing(digest_of(content), len(content))) == 40 - done
        await blobs.close()
    assert (await asyncio.to_thread(subprocess.run, [*program, "15"], timeout=START)).returncode == 0
    blobs = FileBlobs({"folder": str(tmp_path)})
    await blobs.open()
    assert await blobs.get(digest_of(content)) == content
    await blobs.close()


AT_EACH_CALL = """
    import os, signal, sys
    from pathlib import Path
    from hyperverse_artifacts.incoming import Incoming
    from hyperverse_core.blobs import PIECE, digest_of, hex_of

    content = b"".join(bytes([n]) * PIECE for n in range(3)) + b"end"
    name = hex_of(digest_of(content))
    CALLS = ("open", "pwrite", "write", "ftruncate", "fsync", "replace", "rename", "unlink", "mkdir")

    def upload(folder):
        place = folder / "content" / name
        place.parent.mkdir(exist_ok=True)
        new = Incoming(folder, name, len(content))
        for at in [] if place.exists() else new.missing(place):
            new.write(at, content[at : at + PIECE], place)
        return place

    def killed_at(folder, number):
        left = number

        def counted(call):
            def either(*args, **options):
                nonlocal left
                left -= 1
                if left == 0:
                    if call is real["pwrite"] or call is real["write"]:  # half of it
                        call(args[0], args[1][: len(args[1]) // 2], *args[2:])
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*args, **options)
            return either

        real = {each: getattr(os, each) for each in CALLS}
        child = os.fork()
        if not child:
            for each, call in real.items():
                setattr(os, each, counted(call))
            upload(folder)
            os._exit(0)
        return os.waitpid(child, 0)[1] != 0

    number = 0
    while True:
        number += 1
        folder = Path(sys.argv[1], str(number))
        folder.mkdir()
        if not killed_at(folder, number):
            break
        place = folder / "content" / name
        assert not place.exists() or place.read_bytes() == content, number
        assert upload(folder).read_bytes() == content, number
    print(number)
"""


async def test_an_upload_that_is_killed_at_any_call_leaves_nothing_or_the_whole(tmp_path: Path) -> None:
    program = [sys.executable, "-c", textwrap.dedent(AT_EACH_CALL), str(tmp_path)]
    done = await asyncio.to_thread(subprocess.run, program, capture_output=True, text=True, timeout=START)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 15


async def test_a_journal_that_was_left_alone_is_swept(tmp_path: Path) -> None:
    blobs = FileBlobs({"folder": str(tmp_path)})
    await blobs.open()
    piece = b"a" * PIECE
    await blobs.put(digest_of(b"begun"), 2 * PIECE, 0, piece, digest_of(piece))
    left = tmp_path / "incoming" / f"{hex_of(digest_of(b'left'))}.pieces"
    left.write_text("")
    os.utime(left, (1, 1))
    assert await blobs.sweep(60.0) == 1
    assert sorted(each.suffix for each in (tmp_path / "incoming").iterdir()) == ["", ".pieces"]
    await blobs.close()


async def test_a_piece_that_the_disk_has_changed_is_sent_again(tmp_path: Path) -> None:
    content = os.urandom(3 * PIECE)
    blobs = FileBlobs({"folder": str(tmp_path)})
    await blobs.open()
    for at in (0, PIECE):
        piece = content[at : at + PIECE]
        await blobs.put(digest_of(content), len(content), at, piece, digest_of(piece))
    with (tmp_path / "incoming" / hex_of(digest_of(content))).open("r+b") as file:
        file.write(b"changed")
    assert list(await blobs.missing(digest_of(content), len(content))) == [0, 2 * PIECE]
    assert await blobs.keep(content) == digest_of(content)
    assert await blobs.get(digest_of(content)) == content
    await blobs.close()
