"""What an optional dependency needs is read as pip reads it, and nobody's broken metadata stands in the way."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from hyperverse_core.plugins import PluginSet
from hyperverse_core.plugins.requirements import missing_requirements

Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """``write("name", "1.0", "foo>=2")`` installs a distribution with these requirements."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)

    def write(name: str, version: str, *requirements: str) -> None:
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        lines = "".join(f"Requires-Dist: {requirement}\n" for requirement in requirements)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{lines}")

    return write


@pytest.mark.parametrize(
    ("installed", "asked", "met"),
    [
        ("2.0rc1", ">=2.0", False),
        ("2.0rc1", ">=2.0rc1", True),
        ("2.0rc1", ">=1.9", True),
        ("2.0rc1", "<2.0", False),
        ("2.0.dev3", ">=2.0a1", False),
        ("1.0.post1", ">=1.0", True),
        ("1.0.post1", ">1.0", False),
        ("1.0.post1", "==1.0", False),
        ("1.0.post1", "~=1.0", True),
        ("1.5", "~=1.4", True),
        ("1.5", "~=1.4.2", False),
        ("2.0", "~=1.4", False),
        ("1.10", ">=1.9", True),
        ("1.10", "==1.1", False),
        ("1.0", "==1.0.0", True),
        ("1.0+local.3", "==1.0", True),
        ("1!1.0", ">=2.0", True),
        ("1.4.9", "==1.4.*", True),
        ("1.5", ">=1,!=1.5,<2", False),
        ("1.5", "(>=1,<2)", True),
    ],
)
def test_versions_are_compared_as_pep_440_says(write: Write, installed: str, asked: str, met: bool) -> None:
    write("pigeon", installed)
    write("loft", "1", f'pigeon {asked}; extra == "birds"')
    missing = missing_requirements("loft", "birds")
    assert (missing == []) is met
    assert met or missing[0].endswith(f" instead of {installed}")


@pytest.mark.parametrize(
    ("requirement", "missing"),
    [
        ("absent", []),
        ('absent; extra == "fish"', []),
        ('absent; extra == "birds"', ["absent"]),
        ("absent; 'birds' == extra", ["absent"]),
        ('absent; extra == "Birds"', ["absent"]),
        ('absent; extra == "birds" and python_version < "3"', []),
        ('absent; python_version >= "3.9" and extra == "birds"', ["absent"]),
        ('absent; (extra == "birds" or extra == "fish") and os_name != "toaster"', ["absent"]),
        ('absent; extra == "birds" and sys_platform == "toaster"', []),
        ('absent; extra != "fish"', []),
        ('absent[grey,white]>=2; extra == "birds"', ["absent"]),
        ('absent @ https://example.org/absent-1.0.zip ; extra == "birds"', ["absent"]),
        ('pigeon @ https://example.org/pigeon-9.zip ; extra == "birds"', []),
        ('pigeon@git+https://example.org/pigeon.git@v9; extra == "birds"', []),
        ('PIGEON>=1; extra == "birds"', []),
    ],
)
def test_markers_extras_and_urls_are_understood(write: Write, requirement: str, missing: list[str]) -> None:
    write("pigeon", "1.0")
    write("loft", "1", requirement)
    assert missing_requirements("loft", "birds") == missing


def test_an_extra_has_many_spellings(write: Write) -> None:
    write("loft", "1", 'absent; extra == "Big_Birds"')
    assert [missing_requirements("loft", extra) for extra in ("big-birds", "BIG.birds", "big_birds")] == [
        ["absent"]
    ] * 3


def test_extras_of_requirements_count(write: Write) -> None:
    write("pigeon", "1.0", 'seed; extra == "hungry"', 'pigeon[hungry]; extra == "all"')
    write("loft", "1", 'pigeon[all]; extra == "birds"', 'loft[birds]; extra == "everything"')
    assert missing_requirements("loft", "everything") == ["seed"]
    write("seed", "3")
    assert missing_requirements("loft", "everything") == []


def test_extras_that_name_one_another_end(write: Write) -> None:
    write("loft", "1", 'loft[b]; extra == "a"', 'loft[a]; extra == "b"', 'absent; extra == "b"')
    assert missing_requirements("loft", "a") == ["absent"]


def test_what_is_missing_is_named_once(write: Write) -> None:
    write("loft", "1", 'absent>=1; extra == "birds"', 'absent<9; extra == "birds"')
    assert missing_requirements("loft", "birds") == ["absent"]


def test_a_distribution_that_is_not_installed_needs_nothing() -> None:
    assert missing_requirements("no-such-distribution-x", "birds") == []


@pytest.mark.parametrize(
    "line",
    [
        "pigeon >=; extra == 'birds'",
        "pigeon>=2004d; extra == 'birds'",
        "pigeon; extra ==",
        "pigeon; feathers == 'birds'",
        "-e git+https://example.org/pigeon.git",
        "pigeon 1.0",
        "",
    ],
)
def test_a_malformed_requirement_is_named_and_ignored(
    write: Write, caplog: pytest.LogCaptureFixture, line: str
) -> None:
    write("loft", "1", line, 'absent; extra == "birds"')
    with caplog.at_level(logging.WARNING, "hyperverse.plugins"):
        assert missing_requirements("loft", "birds") == ["absent"]
    (said,) = caplog.messages
    assert said.startswith(f"loft: ignoring the requirement {line!r}, which is malformed: ")
    assert "\n" not in said


def test_a_malformed_requirement_of_a_requirement_is_named_with_its_owner(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    write("pigeon", "1.0", "seed >>> 3; extra == 'hungry'")
    write("loft", "1", 'pigeon[hungry]; extra == "birds"')
    with caplog.at_level(logging.WARNING, "hyperverse.plugins"):
        assert missing_requirements("loft", "birds") == []
    assert [said.partition(":")[0] for said in caplog.messages] == ["pigeon"]


def test_an_installed_version_that_is_malformed_is_accepted_and_named(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    write("pigeon", "2004d")
    write("loft", "1", 'pigeon>=1; extra == "birds"')
    with caplog.at_level(logging.WARNING, "hyperverse.plugins"):
        assert missing_requirements("loft", "birds") == []
    assert caplog.messages == ["pigeon: accepting its version, which is malformed: Invalid version: '2004d'"]


@pytest.mark.parametrize("metadata", [b"Metadata-Version: 2.1\n", b"Metadata-Version: 2.1\nName: \xff\n", b""])
def test_a_plugin_with_broken_metadata_hides_no_other(write: Write, tmp_path: Path, metadata: bytes) -> None:
    broken = tmp_path / "site" / "broken-1.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_bytes(metadata)
    (broken / "entry_points.txt").write_text("[hyperverse]\nzzz-broken = nothing_of_that_name\n")
    plugins = PluginSet.load(environ={})
    assert plugins.info("zzz-broken").state == "failed"
    assert plugins.info("sql").state == "ok"
