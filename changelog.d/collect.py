"""Moves the changelog fragments of this folder into CHANGELOG.md.

    python changelog.d/collect.py --check         name every fragment that breaks a rule; exit code 1 if there is one
    python changelog.d/collect.py --draft 0.2.0   print the section that the release would get
    python changelog.d/collect.py 0.2.0           write the section and delete the fragments

README.md in this folder says how to name and write a fragment.
"""

from __future__ import annotations

import argparse
import datetime
import re
import sys
from collections.abc import Iterable
from pathlib import Path

KINDS = {
    "added": "Added",
    "changed": "Changed",
    "deprecated": "Deprecated",
    "removed": "Removed",
    "fixed": "Fixed",
    "security": "Security",
}
"""The second part of a fragment's name, and the heading that it is printed under. The order is that of the page."""
MARK = "<!-- releases -->"
"""The line of CHANGELOG.md below which the newest release stands."""
NOT_FRAGMENTS = {"README.md", "collect.py", "__pycache__"}
MOST_LINES = 8
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\.(?P<kind>[a-z]+)\.md")
_VERSION = re.compile(r"\d+\.\d+\.\d+([-.]?[a-z]+\.?\d+)?")


def fragments(folder: Path) -> list[Path]:
    """Everything in the folder that should be a fragment, by name."""
    return sorted(path for path in folder.iterdir() if path.name not in NOT_FRAGMENTS)


def faults(folder: Path) -> list[str]:
    """One line for each rule that a fragment breaks."""
    found = []
    for path in fragments(folder):
        found += [f"{path.name}: {fault}" for fault in _faults_of(path)]
    return found


def _faults_of(path: Path) -> Iterable[str]:
    name = _NAME.fullmatch(path.name)
    if name is None:
        yield "the name is not NAME.KIND.md with NAME in lower case, words joined by hyphens"
    elif name["kind"] not in KINDS:
        yield f"no kind {name['kind']!r}; known: {', '.join(KINDS)}"
    text = path.read_text("utf-8").strip()
    if not text:
        yield "the file is empty"
    elif not text.endswith("."):
        yield "the text does not end with a full stop"
    if text.startswith(("#", "-", "*")):
        yield "the text starts with a heading or a bullet; write plain sentences"
    if len(text.splitlines()) > MOST_LINES:
        yield f"the text has more than {MOST_LINES} lines"


def section(folder: Path, version: str, day: datetime.date) -> str:
    """The section of a release in Markdown."""
    parts = [f"## {version} ({day.isoformat()})"]
    for kind, heading in KINDS.items():
        bullets = [_bullet(path) for path in fragments(folder) if path.name.endswith(f".{kind}.md")]
        if bullets:
            parts.append(f"### {heading}\n\n" + "\n".join(bullets))
    return "\n\n".join(parts) + "\n"


def _bullet(path: Path) -> str:
    lines = path.read_text("utf-8").strip().splitlines()
    return "\n".join(["- " + lines[0], *("  " + line if line else "" for line in lines[1:])])


def release(changelog: Path, folder: Path, version: str, day: datetime.date) -> None:
    """Writes the section of a release into the changelog, then deletes the fragments.

    Raises:
        ValueError: the changelog has no mark, or has that version already.
    """
    text = changelog.read_text("utf-8")
    if f"\n## {version} " in text:
        raise ValueError(f"{changelog.name} has a section for {version} already")
    before, mark, behind = text.partition(f"{MARK}\n")
    if not mark:
        raise ValueError(f"{changelog.name} has no line {MARK!r}")
    changelog.write_text(f"{before}{mark}\n{section(folder, version, day)}{behind}", "utf-8")
    for path in fragments(folder):
        path.unlink()


def main() -> int:
    """The program; returns its exit code."""
    parser = argparse.ArgumentParser(description="Collect the changelog fragments of a release.")
    parser.add_argument("version", nargs="?", help="version of the release, such as 0.2.0")
    parser.add_argument("--check", action="store_true", help="only check the fragments")
    parser.add_argument("--draft", action="store_true", help="print the section; change nothing")
    given = parser.parse_args()
    folder = Path(__file__).parent
    wrong = faults(folder)
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 1
    if given.check:
        return 0
    if given.version is None or not _VERSION.fullmatch(given.version):
        parser.error("give the version of the release, such as 0.2.0")
    today = datetime.datetime.now(datetime.UTC).date()
    if given.draft:
        print(section(folder, given.version, today), end="")
        return 0
    if not fragments(folder):
        print("there is no fragment to collect", file=sys.stderr)
        return 1
    release(folder.parent / "CHANGELOG.md", folder, given.version, today)
    return 0


if __name__ == "__main__":
    sys.exit(main())
