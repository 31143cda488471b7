"""Topics: which conversation inside a particle is meant (universe 1.6)."""

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
    """The kinds of topics, by the word that is written."""

    ANY = "*"
    NOT = "!"
    CLI = "Cli"
    UUID = "Uuid"
    PATH = "Path"


_NAMES = {TopicKind.UUID: _UUID, TopicKind.PATH: _PATH}


@attrs.frozen
class Topic:
    """A topic, such as ``Topic<Cli>`` or ``Topic<Uuid>(abc-123)``. Its absence is written as None.

    Attributes:
        kind: what sort of topic.
        name: of a Uuid or a Path (several names of a path are joined with ``:``); empty for the others.
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
        """The topic that ``text`` writes; raises ParseError."""
        topic, end = scan_topic(text, 0)
        if end < len(text):
            fail(text, end, "the end of the topic")
        return topic

    def admits(self, topic: str) -> bool:
        """Whether a wave with ``topic`` as text, empty for none, is meant: ``*`` takes all, ``!`` none."""
        if self.kind is TopicKind.ANY:
            return True
        return self.kind is not TopicKind.NOT and topic == str(self)

    def __str__(self) -> str:
        return f"Topic<{self.kind.value}>" + (f"({self.name})" if self.name else "")


def scan_topic(text: str, pos: int) -> tuple[Topic, int]:
    """The topic at ``pos`` and the offset behind it; raises ParseError."""
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
