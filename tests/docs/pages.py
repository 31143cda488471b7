"""The pages of the documentation, cut into blocks."""

from __future__ import annotations

import re
from pathlib import Path

import attrs

__all__ = ["REPOSITORY", "Block", "Command", "all_pages", "blocks_of", "commands_of"]

REPOSITORY = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<content>.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"\bfile=(\S+)")


@attrs.frozen
class Block:
    """What stands between two fences.

    Attributes:
        language: the first word behind the opening fence.
        flags: the other words.
        content: the lines between.
        line: of the opening fence, from 1.
        file: what it is to be written to (``file=NAME``), empty for nothing.
        before: the paragraph above it.
    """

    language: str
    flags: tuple[str, ...]
    content: str
    line: int
    file: str
    before: str


@attrs.frozen
class Command:
    """A line behind a ``$`` of a console block, and what has to come out of it."""

    text: str
    output: str


def all_pages() -> list[Path]:
    """Every page, the README first."""
    names = (
        "README.md",
        "CONTRIBUTING.md",
        "RELEASING.md",
        "changelog.d/README.md",
        "contrib/hyperverse-cedar/README.md",
        "contrib/hyperverse-otel/README.md",
        "contrib/hyperverse-shop/README.md",
    )
    top = [REPOSITORY / name for name in names]
    return [*top, *sorted((REPOSITORY / "docs").rglob("*.md"))]


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page in their order."""
    text = page.read_text("utf-8")
    assert text.count("\n```") % 2 == 0, f"{page}: a block is not closed"
    return [_block(text, found) for found in _FENCE.finditer(text)]


def _block(text: str, found: re.Match[str]) -> Block:
    language, *flags = found["info"].split() or [""]
    file = _FILE.search(found["info"])
    before = text[: found.start()].rstrip().rpartition("\n\n")[2]
    return Block(
        language,
        tuple(flags),
        found["content"],
        text.count("\n", 0, found.start()) + 1,
        file.group(1) if file else "",
        before,
    )


def commands_of(block: Block) -> list[Command]:
    """The commands of a console block. Lines that begin with ``> `` continue the command above."""
    commands: list[tuple[list[str], list[str]]] = []
    for line in block.content.splitlines():
        if line.startswith("$ "):
            commands.append(([line[2:]], []))
            continue
        assert commands, f"line {block.line}: a console block begins with a command"
        typed, printed = commands[-1]
        if line.startswith("> ") and not printed:
            typed.append(line[2:])
        else:
            printed.append(line.rstrip())
    return [Command("\n".join(typed), "\n".join(printed)) for typed, printed in commands]
