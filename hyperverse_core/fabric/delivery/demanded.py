"""The privilege that a wave needs at a particle that is not active yet: that of a handler, or none."""

from __future__ import annotations

from ...contracts.registry import ParticleRecord
from ...errors import ParseError
from ...universe.routing.bind import BindConfig
from ...universe.routing.stop import CoreStop
from ...universe.waves.wave import Directed, MethodKind
from ..particles.served import ServedKinds
from ..particles.unread_bind import UnreadBind, first_bind

__all__ = ["privilege_demanded"]


def privilege_demanded(served: ServedKinds, record: ParticleRecord, wave: Directed) -> str:
    """Returns the privilege of the handler that takes ``wave`` at the particle with ``record``.

    Returns:
        its name; empty if none is needed, if the Kind is not served here, or if the particle's bind must first be read
        from another particle. In the last case the particle asks the gate itself.

    Raises the HyperverseError of a driver that cannot say how it serves the particle.
    """
    kind = served.get(record.kind.base)
    if kind is None:
        return ""
    kind = kind.of_record(record)
    found = kind.handlers.find(wave)
    if found is None or not found[0].privilege:
        return ""
    return found[0].privilege if _is_for_itself(first_bind(record, kind.bind), wave) else ""


def _is_for_itself(bind: BindConfig | UnreadBind | None, wave: Directed) -> bool:
    """Whether the first stop of ``wave`` is the particle."""
    if isinstance(bind, UnreadBind):
        if not bind.inline:
            return False
        try:
            bind = BindConfig.parse(bind.source)
        except ParseError:
            return wave.method.kind is MethodKind.CMD  # for other methods, the answer is that the bind is wrong
    if bind is None:
        return True
    selected = bind.select(wave.method, wave.path, wave.topic, agent=wave.agent)
    if selected is None or not selected.means(wave.method):
        return wave.method.kind is MethodKind.CMD
    return isinstance(selected.pipeline.steps[0].stop, CoreStop)
