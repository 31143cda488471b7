"""Topics: names of conversations inside a particle. docs/reference/points.md#topics."""

from __future__ import annotations

import enum
import re

import attrs

from ...errors import ParseError
from ..text.lexis import fail

__all__ = ["Topic", "TopicKind", "scan_topic"]

_SHAPE = re.compile(r"Topic<(\*|!|Cli|Uuid|Path)>")
_UUID = re.compile(r"[a-z0-9-]++")
_PATH = re.compile(r"[a-z][A-Za-z0-9-]*+(?::[a-z][A-Za-z0-9-]*+)*+")


class TopicKind(enum.Enum):
    """The kind of a topic. The value is the word in its angle brackets."""

    ANY = "*"
    """In a bind or a handler's selector: every wave, with a topic or without."""
    NOT = "!"
    """In a bind or a handler's selector: no wave."""
    CLI = "Cli"
    """A command line."""
    UUID = "Uuid"
    """A conversation named by an id."""
    PATH = "Path"
    """A conversation named by words."""


_NAMES = {TopicKind.UUID: _UUID, TopicKind.PATH: _PATH}


@attrs.frozen
class Topic:
    """A topic, such as ``Topic<Cli>`` or ``Topic<Uuid>(abc-123)``.

    Attributes:
        kind: the kind of topic.
        name: the id of a Uuid, or the words of a Path, joined with ``:``; empty for other kinds.

    Raises:
        ParseError: the name does not fit the kind.
    """

    kind: TopicKind
    name: str = ""

    def __attrs_post_init__(self) -> None:
        pattern = _NAMES.get(self.kind)
        if not self.name if pattern is None else pattern.fullmatch(self.name):
            return
        raise ParseError(f"a topic of kind {self.kind.value} cannot be named {self.name!r}", text=self.name)

    @classmethod
    def parse(cls, text: str) -> Topic:
        """Reads ``text`` as a topic. Raises ParseError."""
        topic, end = scan_topic(text, 0)
        if end < len(text):
            fail(text, end, "the end of the topic")
        return topic

    def admits(self, topic: str) -> bool:
        """Whether a scope with this topic takes a wave whose topic has the text ``topic``, empty for none."""
        if self.kind is TopicKind.ANY:
            return True
        return self.kind is not TopicKind.NOT and topic == str(self)

    def __str__(self) -> str:
        return f"Topic<{self.kind.value}>" + (f"({self.name})" if self.name else "")


def scan_topic(text: str, pos: int) -> tuple[Topic, int]:
    """Reads the topic at ``pos``; returns it and the offset after it. Raises ParseError."""
    found = _SHAPE.match(text, pos)
    if found is None:
        fail(text, pos, *(f"Topic<{kind.value}>" for kind in TopicKind))
    kind = TopicKind(found.group(1))
    pattern = _NAMES.get(kind)
    if pattern is None:
        return Topic(kind), found.end()
    at = found.end()
    if not text.startswith("(", at):
        fail(text, at, "'('")
    name = pattern.match(text, at + 1)
    if name is None:
        fail(text, at + 1, "the name of the topic")
    if not text.startswith(")", name.end()):
        fail(text, name.end(), "')'")
    return Topic(kind, name.group()), name.end() + 1
