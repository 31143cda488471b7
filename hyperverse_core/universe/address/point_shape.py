"""The shape of points as they are usually written, as one regular expression (universe 1.1, 1.2).

Each wave that comes in may bring a new point, and its expression is half of what the point costs. It takes nothing that
`scan_address` would read in another way; what it does not take (a number of twenty digits, the route ``.``, ROOT, an
error) is read there.
"""

from __future__ import annotations

import re

__all__ = ["LONGEST_REMEMBERED", "find_unusual", "is_usual"]

LONGEST_REMEMBERED = 256
"""Characters of the longest text whose point is kept to be found again."""

# The usual texts, possessive throughout, so that none makes it go back. What these do not take (a number of
# twenty digits, the route ".", ROOT, an error) is read by the scanner.
_NUMBER = r"(?:0|[1-9][0-9]{0,18}+)"
_VERSION = rf":{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-(?!0[0-9]++(?![a-z0-9-]))[a-z0-9-]++)?+"
_FILE = r"\.?+[A-Za-z0-9_-][A-Za-z0-9._-]*+"  # so that "." and ".." are none
_FILES = rf":/(?:{_FILE}(?:/{_FILE})*+/?+)?+"
_NAME = r"[a-z][a-z0-9-]*+"
_LABEL = r"\.[a-z0-9-]++"
_REST = rf"(?::{_NAME})*+(?:\Z|{_VERSION}(?:{_FILES})?+\Z|{_FILES}\Z)"
_BODY = rf"{_NAME}(?:{_LABEL})*+{_REST}"
# What starts like a space may turn out to be a domain: that is decided behind it, instead of reading it twice.
_SPACE_OR_DOMAIN = rf"{_NAME}(?:{_LABEL}(?:{_LABEL})*+(?:::{_BODY}|{_REST})|::{_BODY}|{_REST})"
_ROUTES = (
    "GLOBAL",
    "HYPER",
    "LOCAL",
    "REMOTE",
    r"\[[a-z][A-Za-z0-9-]*+\]",
    r"<<[A-Za-z0-9./_:()\[\]-]++>>",
    r"(?!\.\.?::)[a-z0-9.-]++",
)
_USUAL = "|".join((_SPACE_OR_DOMAIN, *(f"{route}::{_BODY}" for route in _ROUTES)))

is_usual = re.compile(_USUAL).fullmatch
"""The match of a text that is a point as it is printed; None for one that the scanner has to read."""

# Half of what a new point costs is this expression. It looks for what is *not* usual, or too long to be remembered:
# finding nothing is cheaper than building the match that tells what was found.
find_unusual = re.compile(rf"(?!(?:{_USUAL})(?<!(?s:.{{{LONGEST_REMEMBERED + 1}}})))").match
"""None for a text that `is_usual` and short enough to be remembered; anything else is found."""
