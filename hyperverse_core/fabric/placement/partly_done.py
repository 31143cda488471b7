"""Errors of commands about many particles that were carried out for some of them.

Nobody may conclude from the answer to such a command that nothing has happened: its outcome is ``failed``.
"""

from __future__ import annotations

from typing import Final

from ...errors import HyperverseError, error_for_status

__all__ = ["is_partly_done", "partly_done"]

_MARK: Final = "_hyperverse_partly_done"


def partly_done(error: HyperverseError, done: str, *, hint: str) -> HyperverseError:
    """Returns an error like ``error`` that also says what was done before it.

    Args:
        error: what ended the command.
        done: what was done, as in ``"1000 of 2500 particles were changed before"``.
        hint: how to have the rest done.
    """
    told = error_for_status(error.status, f"{error.message}; {done}", hint=hint)
    told.__dict__[_MARK] = True
    return told


def is_partly_done(error: HyperverseError) -> bool:
    """Whether the command had been carried out for some particles: the error is one of :func:`partly_done`."""
    return _MARK in error.__dict__
