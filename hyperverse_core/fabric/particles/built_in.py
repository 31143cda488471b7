"""The methods that every particle answers without a handler: ``Cmd<Read>`` and ``Cmd<Bounce>``. All others are
refused."""

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
    """Returns the reply to a wave that has no handler. Raises HyperverseError if there is none."""
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
    """Returns the state between two handlers, never a half-finished change, except within the handler's own call
    chain."""
    if active.concurrent or (active.mailbox.busy and active.text in wave.chain):
        await active.check_beside()
    else:
        await active.start_in_turn()
    assert active.particle is not None, "it is ready, or runs a wave of its own chain"
    return state_of(active.particle)


def no_body(wave: Directed) -> BadRequest:
    """Returns the error for a wave whose method takes no body."""
    return BadRequest(f"{wave.method} takes no body", hint="name a method of the particle, such as Ext<Add>")


def no_handler(active: Active, wave: Directed) -> NotFound:
    """Returns the error for a wave without a handler."""
    known = active.served.handlers.methods()
    return NotFound(
        f"{active.text!r} has no handler for {wave.method} {wave.path}",
        hint=f"a {active.record.kind} takes {', '.join(known)}" if known else f"a {active.record.kind} takes none",
    )
