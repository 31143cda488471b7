"""Values that must not be printed: the settings of plugins that are not declared plain.

A plugin declares the names of settings that anybody may see with ``plain_settings`` of its factory, see
docs/reference/hooks.md#settings. All others are hidden, because they may be passwords.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

__all__ = ["HIDDEN", "hide", "hide_settings", "masked"]

HIDDEN: Final = "***"
_PASSWORD: Final = re.compile(r"(?<=://)([^/@\s:'\"]*):([^\s'\"]*)(?=@)")
_SHORTEST: Final = 3
"""Length from which a value is hidden wherever it occurs in a text. Shorter values occur by chance."""
_LONG: Final = 8
_hidden: set[str] = set()
"""Shared by the whole process: an error may be printed far from the machine whose settings it quotes."""


def hide(values: Iterable[Any]) -> None:
    """Hides values in every text that :func:`masked` returns from now on. Lists and tables are searched for the values
    in them; booleans and numbers with decimals are not hidden."""
    for value in values:
        if isinstance(value, Mapping):
            hide(value.values())
        elif isinstance(value, (list, tuple, set, frozenset)):
            hide(value)
        elif not isinstance(value, bool) and isinstance(value, (str, int)):
            text = str(value)
            for one in (text, repr(text)[1:-1], *(found[1] for found in _PASSWORD.findall(text))):
                if len(one) >= _SHORTEST:
                    _hidden.add(one)


def hide_settings(settings: Mapping[str, Any], plain: Collection[str]) -> None:
    """Hides the values of all settings that are not among the plain ones."""
    hide(value for key, value in settings.items() if key not in plain)


@functools.cache
def _whole(value: str) -> re.Pattern[str]:
    """Matches a short value only as a whole word: 100 is not found in 1000."""
    before, behind = (r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])") if len(value) < _LONG else ("", "")
    return re.compile(before + re.escape(value) + behind)


def masked(text: str) -> str:
    """Returns a text in which hidden values and passwords in URLs are replaced with ``***``."""
    for value in sorted(_hidden, key=len, reverse=True):
        if value in text:
            text = _whole(value).sub(HIDDEN, text)
    return _PASSWORD.sub(rf"\1:{HIDDEN}", text) if "://" in text else text
