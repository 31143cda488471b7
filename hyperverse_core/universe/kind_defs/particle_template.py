"""Templates of particles: which point a command wants to create, and of which Kind."""

from __future__ import annotations

import attrs

from ..address.point_template import PointTemplate, scan_point_template
from ..text.lexis import fail
from .kind_template import KindTemplate, scan_kind_template

__all__ = ["ParticleTemplate", "scan_particle_template"]


@attrs.frozen
class ParticleTemplate:
    """What a command wants to create, written ``localhost:thing-%<Base>``.

    Attributes:
        point: where.
        kind: what.
    """

    point: PointTemplate
    kind: KindTemplate

    @classmethod
    def parse(cls, text: str) -> ParticleTemplate:
        """The template that ``text`` writes; raises ParseError."""
        template, end = scan_particle_template(text, 0)
        if end < len(text):
            fail(text, end, "the end of the template")
        return template

    def __str__(self) -> str:
        return f"{self.point}<{self.kind}>"


def scan_particle_template(text: str, pos: int) -> tuple[ParticleTemplate, int]:
    """The template at ``pos`` and the offset behind it; raises ParseError."""
    point, at = scan_point_template(text, pos)
    if not text.startswith("<", at):
        fail(text, at, "'<'", hint="a particle has a Kind: localhost:thing<Base>")
    kind, at = scan_kind_template(text, at + 1)
    if not text.startswith(">", at):
        fail(text, at, "'>'")
    return ParticleTemplate(point, kind), at + 1
