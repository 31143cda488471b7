"""Layers: the shells around a particle, in the order in which a wave passes them. docs/reference/points.md#layers."""

from __future__ import annotations

import enum

import attrs

from ...errors import did_you_mean
from ..text import lexis
from ..text.lexis import fail

__all__ = ["EXTENDED", "PLANS", "STANDARD", "Layer", "Plan", "scan_layer"]


class Layer(enum.IntEnum):
    """A layer of a particle. The number is its depth: 0 is the outermost."""

    GRAVITY = 0
    FIELD = 1
    SHELL = 2
    PORTAL = 3
    HOST = 4
    GUEST = 5
    CORE = 6

    @classmethod
    def parse(cls, text: str) -> Layer:
        """Reads ``text`` as the name of a layer, such as ``Shell``. Raises ParseError."""
        layer, end = scan_layer(text, 0)
        if end < len(text):
            fail(text, end, "the end of the layer")
        return layer

    def __str__(self) -> str:
        return self.name.capitalize()


_BY_NAME = {str(layer): layer for layer in Layer}


def scan_layer(text: str, pos: int) -> tuple[Layer, int]:
    """Reads the layer at ``pos``; returns it and the offset after it. Raises ParseError."""
    found = lexis.CAMEL.match(text, pos)
    layer = _BY_NAME.get(found.group()) if found is not None else None
    if found is None or layer is None:
        near = did_you_mean(found.group(), _BY_NAME) if found is not None else ""
        fail(text, pos, *_BY_NAME, hint=near.removeprefix("; "))
    return layer, found.end()


@attrs.frozen
class Plan:
    """The layers of the particles of a Kind, from the outside in. No plan contains Gravity, through which every wave
    passes."""

    layers: tuple[Layer, ...]

    def towards_core(self, layer: Layer) -> Layer | None:
        """Returns the next layer inward from ``layer``; None if ``layer`` is the innermost."""
        return min((deeper for deeper in self.layers if deeper > layer), default=None)

    def towards_fabric(self, layer: Layer) -> Layer | None:
        """Returns the next layer outward from ``layer``; None if a wave leaves the particle there."""
        return max((outer for outer in self.layers if outer < layer), default=None)


STANDARD = Plan((Layer.FIELD, Layer.SHELL, Layer.CORE))
EXTENDED = Plan((Layer.FIELD, Layer.SHELL, Layer.PORTAL, Layer.HOST, Layer.GUEST, Layer.CORE))
PLANS = {"standard": STANDARD, "extended": EXTENDED}
