"""Names and zip files that are refused, each with a reason."""

from __future__ import annotations

import io
import os
import random
import stat
import zipfile
from pathlib import Path

import pytest

from artifacts.conftest import zipped
from hyperverse_artifacts.manifest import Budget
from hyperverse_artifacts.names import check_paths
from hyperverse_artifacts.sources import sources_of
from hyperverse_artifacts.zips import zip_files
from hyperverse_core.errors import BadRequest, NotFound, TooLarge

SMALL = Budget(files=10, bytes=100_000)

NAMES = {
    "": "empty",
    "/etc/passwd": "absolute",
    "C:/windows": "absolute",
    "../up": r"\.\.",
    "a/../b": r"\.\.",
    "a/./b": r"'\.'",
    "a//b": "the part ''",
    "a\\b": "backslash",
    "a\0b": "NUL",
    "a b": "letters",
    "ä.txt": "letters",
    "a:b": "letters",
    "a\nb": "letters",
    "x" * 201: "201 characters",
    "d/" * 600 + "x": "1201 characters",
}


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_an_odd_name_is_refused_with_a_reason(name: str) -> None:
    with pytest.raises(BadRequest, match=NAMES[name]):
        check_paths([name])
    with pytest.raises(BadRequest, match=NAMES[name]):
        check_paths(["fine.txt", name])


@pytest.mark.parametrize("name", ["a", "A.txt", "a/b/c.wasm", ".hidden", "-x_y.Z", "x" * 200, "a..b", "..."])
def test_a_plain_name_is_taken(name: str) -> None:
    check_paths([name])


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["a", "a"], "twice"),
        (["a.txt", "A.TXT"], "case only"),
        (["d/a", "D/b"], "case only"),
        (["a", "a/b"], "a folder"),
        (["a/b", "A"], "a folder"),
    ],
)
def test_names_that_clash_are_refused(names: list[str], why: str) -> None:
    for order in (names, names[::-1]):
        with pytest.raises(BadRequest, match=why):
            check_paths(order)


def entry(name: str, content: bytes = b"x", *, mode: int = 0o644 | stat.S_IFREG, **more: int) -> bytes:
    packed = io.BytesIO()
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(info, content)
    return packed.getvalue()


def unpacked(content: bytes) -> dict[str, bytes]:
    return dict(zip_files(content, SMALL))


def test_a_zip_file_is_unpacked() -> None:
    assert unpacked(zipped({"a": b"1", "b/c": b"2"})) == {"a": b"1", "b/c": b"2"}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (entry("link", b"/etc/passwd", mode=0o777 | stat.S_IFLNK), "link"),
        (entry("pipe", mode=0o644 | stat.S_IFIFO), "not a regular file"),
        (entry("device", mode=0o644 | stat.S_IFCHR), "not a regular file"),
        (entry("../up"), r"\.\."),
        (entry("/root"), "absolute"),
        (entry("../up/"), r"\.\."),
        (entry("a\\b"), "backslash"),
        (b"", "cannot be read"),
        (b"PK\x03\x04" + random.Random(1).randbytes(100), "cannot be read"),
        (zipped({"a": b"x" * 1000})[:-30], "cannot be read"),
    ],
    ids=[
        "a link",
        "a pipe",
        "a device",
        "a file above",
        "an absolute path",
        "a folder above",
        "a backslash",
        "nothing",
        "noise",
        "cut off",
    ],
)
def test_an_odd_zip_file_is_refused_with_a_reason(content: bytes, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        unpacked(content)


def test_an_encrypted_entry_is_refused() -> None:
    content = bytearray(entry("a"))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    content[6] |= 1
    with pytest.raises(BadRequest, match="encrypted"):
        unpacked(bytes(content))


def test_a_name_with_nul_is_refused() -> None:
    with pytest.raises(BadRequest, match="NUL"):
        unpacked(entry("aXb.txt").replace(b"aXb", b"a\0b"))


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = zipped({"bomb": b"\0" * 50_000_000})
    assert len(bomb) < 60_000
    with pytest.raises(TooLarge, match="50000000 bytes"):
        unpacked(bomb)


def test_a_bomb_that_lies_about_its_size_gives_no_more_than_it_says() -> None:
    bomb = bytearray(zipped({"bomb": b"\0" * 1_000_000}))
    for mark, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        begin = bomb.index(mark) + at
        bomb[begin : begin + 4] = (10).to_bytes(4, "little")
    with pytest.raises(BadRequest):
        unpacked(bytes(bomb))


def test_too_many_files_are_refused() -> None:
    with pytest.raises(TooLarge, match="11 files"):
        unpacked(zipped({str(number): b"" for number in range(11)}))


def test_a_changed_byte_is_found() -> None:
    packed = bytearray(zipped({"a": os.urandom(1000)}))
    packed[200] ^= 1
    with pytest.raises(BadRequest, match="cannot be read"):
        unpacked(bytes(packed))


def test_links_in_a_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(BadRequest, match="link"), sources_of(tmp_path, SMALL):
        pass


def test_a_link_to_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(BadRequest, match="link"), sources_of(tmp_path, SMALL):
        pass


def test_a_pipe_in_a_folder_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadRequest, match="not a regular file"), sources_of(tmp_path, SMALL):
        pass


def test_hidden_files_are_left_out(tmp_path: Path) -> None:
    for name in ("a", ".git/config", "__pycache__/a.pyc", ".env"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("a")
    with sources_of(tmp_path, SMALL) as sources:
        assert [source.path for source in sources] == ["a"]


def test_an_empty_folder_and_none_at_all_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="nothing to publish"), sources_of(tmp_path, SMALL):
        pass
    with pytest.raises(NotFound, match="no folder"), sources_of(tmp_path / "none", SMALL):
        pass
