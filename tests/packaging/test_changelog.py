"""Changelog fragments follow their rules, and a release moves them into the changelog."""

from __future__ import annotations

import datetime
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "changelog.d"
DAY = datetime.date(2030, 1, 31)


@pytest.fixture(scope="module")
def collect() -> ModuleType:
    spec = importlib.util.spec_from_file_location("collect_fragments", FOLDER / "collect.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "changelog.d").mkdir()
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n<!-- releases -->\n\n## 0.1.0 (2029-12-01)\n\n- First.\n")
    return tmp_path / "changelog.d"


def test_the_fragments_of_this_repository_follow_the_rules() -> None:
    done = subprocess.run([sys.executable, str(FOLDER / "collect.py"), "--check"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_changelog_of_this_repository_can_take_a_release(collect: ModuleType) -> None:
    assert f"\n{collect.MARK}\n" in (REPOSITORY / "CHANGELOG.md").read_text("utf-8")


def test_every_kind_is_on_the_page(collect: ModuleType) -> None:
    page = (FOLDER / "README.md").read_text("utf-8")
    assert [kind for kind in collect.KINDS if f"| `{kind}` |" not in page] == []


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("Drain.fixed.md", "It drains.", "the name is not"),
        ("drain.md", "It drains.", "the name is not"),
        ("drain.mended.md", "It drains.", "no kind 'mended'"),
        ("drain.fixed.md", "\n", "is empty"),
        ("drain.fixed.md", "It drains", "does not end with a full stop"),
        ("drain.fixed.md", "- It drains.", "starts with a heading or a bullet"),
        ("drain.fixed.md", "It drains.\n" * 9, "more than 8 lines"),
    ],
)
def test_a_fragment_that_breaks_a_rule_is_named(
    name: str, text: str, fault: str, collect: ModuleType, folder: Path
) -> None:
    (folder / name).write_text(text)
    (said,) = collect.faults(folder)
    assert said.startswith(f"{name}: ")
    assert fault in said


def test_a_release_gets_its_section_above_the_others_and_the_fragments_go(collect: ModuleType, folder: Path) -> None:
    (folder / "trace.added.md").write_text("`hyperverse trace` prints the hops of a wave.\nWith times.\n")
    (folder / "drain.fixed.md").write_text("`hyperverse drain` warns.\n")
    (folder / "README.md").write_text("stays")
    collect.release(folder.parent / "CHANGELOG.md", folder, "0.2.0", DAY)
    assert (folder.parent / "CHANGELOG.md").read_text() == (
        "# Changelog\n\n<!-- releases -->\n\n"
        "## 0.2.0 (2030-01-31)\n\n"
        "### Added\n\n- `hyperverse trace` prints the hops of a wave.\n  With times.\n\n"
        "### Fixed\n\n- `hyperverse drain` warns.\n\n"
        "## 0.1.0 (2029-12-01)\n\n- First.\n"
    )
    assert [path.name for path in folder.iterdir()] == ["README.md"]


def test_a_version_is_released_once(collect: ModuleType, folder: Path) -> None:
    (folder / "drain.fixed.md").write_text("It drains.\n")
    with pytest.raises(ValueError, match=r"has a section for 0\.1\.0 already"):
        collect.release(folder.parent / "CHANGELOG.md", folder, "0.1.0", DAY)
    assert (folder / "drain.fixed.md").exists()
