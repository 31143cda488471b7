"""Surfaces: a point with a layer and perhaps a topic. docs/reference/points.md#surfaces."""

from __future__ import annotations

import attrs

from ..text.lexis import fail
from .layer import Layer, scan_layer
from .point import Point, scan_point
from .topic import Topic, TopicKind, scan_topic

__all__ = ["Layer", "Surface", "Topic", "TopicKind", "scan_surface"]


@attrs.frozen
class Surface:
    """The exact place to which a wave is delivered, written ``localhost:app@Shell+Topic<Cli>``.

    Attributes:
        point: the particle.
        layer: the layer of the particle.
        topic: the conversation; None for no particular one.
    """

    point: Point
    layer: Layer = Layer.CORE
    topic: Topic | None = None

    @classmethod
    def parse(cls, text: str) -> Surface:
        """Reads ``text`` as a surface. Raises ParseError."""
        surface, end = scan_surface(text, 0)
        if end < len(text):
            fail(text, end, "the end of the surface")
        return surface

    def __str__(self) -> str:
        topic = "" if self.topic is None else f"+{self.topic}"
        return f"{self.point}@{self.layer}{topic}"


def scan_surface(text: str, pos: int) -> tuple[Surface, int]:
    """Reads the surface at ``pos``; returns it and the offset after it. Raises ParseError."""
    point, at = scan_point(text, pos)
    if not text.startswith("@", at):
        fail(text, at, "'@'", hint="a surface names its layer: localhost:app@Core")
    layer, at = scan_layer(text, at + 1)
    if not text.startswith("+", at):
        return Surface(point, layer), at
    topic, at = scan_topic(text, at + 1)
    return Surface(point, layer, topic), at
