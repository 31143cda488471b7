"""Whether an error can be reported in a reply as it is."""

from __future__ import annotations

from ...errors import HyperverseError

__all__ = ["is_reportable"]


def is_reportable(error: HyperverseError) -> bool:
    """Returns whether an error has the attributes that a reply copies: the status of a failure, and strings. Its class
    may belong to a plugin, and run any code.

    Args:
        error: the error that was raised.
    """
    try:
        return (
            type(error.status) is int
            and 400 <= error.status < 600
            and isinstance(error.message, str)
            and isinstance(error.hint, str)
            and isinstance(error.retry_after, int | float | None)
        )
    except BaseException:  # a property of a plugin raised it: treat the error like any other exception
        return False
