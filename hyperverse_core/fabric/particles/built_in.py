"""What every particle answers without a handler of its own: ``Cmd<Read>`` and ``Cmd<Bounce>``. All else is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import BadRequest, NotFound
from ...universe.waves.wave import BOUNCE, Directed, Outcome, Pong
from .state import State
from .states import state_of

if TYPE_CHECKING:
    from .active import Active

__all__ = ["answer_built_in", "no_body", "no_handler"]


async def answer_built_in(active: Active, wave: Directed) -> Pong:
    """The reply to a wave for which the particle has no handler. Raises HyperverseError when there is none."""
    if active.state is State.GONE:
        raise active.has_left()
    active.check_lease()
    body = None
    if wave.method.text == "Cmd<Read>":
        body = await _read_state(active, wave)
    elif wave.method is not BOUNCE:
        raise no_handler(active, wave)
    elif wave.body is not None:
        raise no_body(wave)
    active.touched = True
    return Pong(200, body, active.point, Outcome.OK, wave.id, active.star.text, wave.hops)


async def _read_state(active: Active, wave: Directed) -> Any:
    """The state between two handlers, never what one of them has half done, except for its own call chain."""
    if active.concurrent or (active.mailbox.busy and active.text in wave.chain):
        await active.check_beside()
    else:
        await active.start_in_turn()
    assert active.particle is not None, "it is ready, or a wave of its own chain runs in it"
    return state_of(active.particle)


def no_body(wave: Directed) -> BadRequest:
    """The error of a wave whose method takes no body."""
    return BadRequest(f"{wave.method} takes no body", hint="name a method of the particle, such as Ext<Add>")


def no_handler(active: Active, wave: Directed) -> NotFound:
    """The error of a wave that no handler takes."""
    known = active.served.handlers.methods()
    return NotFound(
        f"{active.text!r} has no handler for {wave.method} {wave.path}",
        hint=f"a {active.record.kind} takes {', '.join(known)}" if known else f"a {active.record.kind} takes none",
    )
