"""Templates of particles to create: a point and a Kind. docs/reference/points.md#templates."""

from __future__ import annotations

import attrs

from ..address.point_template import PointTemplate, scan_point_template
from ..text.lexis import fail
from .kind_template import KindTemplate, scan_kind_template

__all__ = ["ParticleTemplate", "scan_particle_template"]


@attrs.frozen
class ParticleTemplate:
    """A particle to create, written ``localhost:thing-%<Base>``.

    Attributes:
        point: the template of its point.
        kind: the template of its Kind.
    """

    point: PointTemplate
    kind: KindTemplate

    @classmethod
    def parse(cls, text: str) -> ParticleTemplate:
        """Reads ``text`` as a template of a particle. Raises ParseError."""
        template, end = scan_particle_template(text, 0)
        if end < len(text):
            fail(text, end, "the end of the template")
        return template

    def __str__(self) -> str:
        return f"{self.point}<{self.kind}>"


def scan_particle_template(text: str, pos: int) -> tuple[ParticleTemplate, int]:
    """Reads the template at ``pos``; returns it and the offset after it. Raises ParseError."""
    point, at = scan_point_template(text, pos)
    if not text.startswith("<", at):
        fail(text, at, "'<'", hint="a particle has a Kind: localhost:thing<Base>")
    kind, at = scan_kind_template(text, at + 1)
    if not text.startswith(">", at):
        fail(text, at, "'>'")
    return ParticleTemplate(point, kind), at + 1
