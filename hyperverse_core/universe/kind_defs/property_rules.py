"""Rules for the values of properties: a range, a choice, an expression. docs/reference/kinds.md#rules."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import Final, Protocol

import attrs

from ...errors import BadRequest, ParseError

__all__ = ["Expression", "OneOf", "PropertyRule", "PropertyScalar", "Range", "property_text"]

PropertyScalar = str | int | float | bool
"""The value of a property in Python. The registry and the command language write it as text."""

_WHOLE: Final = re.compile(r"-?+[0-9]{1,20}+")
_NUMBER: Final = re.compile(r"-?+(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?+[0-9]{1,3}+)?+")
_LONGEST: Final = 400
"""Characters of the longest number that is read."""
_LEAST, _MOST = -(2**63), 2**64 - 1
"""The range of whole numbers that a body can carry."""


class PropertyRule(Protocol):
    """The interface of a rule for the values of a property."""

    @property
    def meant(self) -> str:
        """What a value must be, for a message."""

    @property
    def sample(self) -> str:
        """A value that fits, as text; for tests that create particles."""

    def fits(self, value: str) -> bool:
        """Whether a property may have the value ``value``."""

    def read(self, value: str) -> PropertyScalar:
        """Returns the value that a text which fits stands for."""


def property_text(value: object) -> str | None:
    """Returns the text of a property's value, as the command language writes it; None if ``value`` cannot be one."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return repr(float(value))
    return None


def _bound(_: object, field: attrs.Attribute[float | None], value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadRequest(
            f"{field.name} of a Range is {value!r:.40}, not a number", hint="Range(1, 10), Range(0.0, 1.0)"
        )


@attrs.frozen
class Range:
    """A number with bounds, both included. It is an ``int`` unless a bound is a ``float``.

    Attributes:
        least: the lowest value, in the unit of the property, such as seconds; None for no bound.
        most: the highest value, in the unit of the property, such as seconds; None for no bound.

    Raises:
        BadRequest: a bound is not a number, there is none, or nothing lies between them.

    Example:
        >>> Range(1, 10).fits("11"), Range(0.0, 1.0).read("0.5")
        (False, 0.5)
    """

    least: float | None = attrs.field(default=None, validator=_bound)
    most: float | None = attrs.field(default=None, validator=_bound)

    def __attrs_post_init__(self) -> None:
        if self.least is None and self.most is None:
            raise BadRequest("a Range needs a bound", hint="Range(1, 10), Range(0) for 0 and more, Range(most=10)")
        low, high = self._bounds()
        if low > high:
            raise BadRequest(f"no number is at least {low} and at most {high}", hint="Range(least, most)")

    @property
    def whole(self) -> bool:
        """Whether its values are whole numbers."""
        return not isinstance(self.least, float) and not isinstance(self.most, float)

    @property
    def meant(self) -> str:
        """What a value must be, for a message."""
        what = "a whole number" if self.whole else "a number"
        if self.most is None:
            return f"{what}, {self.least} or more"
        return f"{what}, at most {self.most}" if self.least is None else f"{what} from {self.least} to {self.most}"

    @property
    def sample(self) -> str:
        """A value that fits, as text."""
        return str(self.most if self.least is None else self.least)

    def fits(self, value: str) -> bool:
        """Whether the text ``value`` is a number within the bounds."""
        if len(value) > _LONGEST or (_WHOLE if self.whole else _NUMBER).fullmatch(value) is None:
            return False
        number, (low, high) = self.read(value), self._bounds()
        return isinstance(number, int | float) and math.isfinite(number) and low <= number <= high

    def read(self, value: str) -> PropertyScalar:
        """Returns the number that the text ``value`` stands for."""
        return int(value) if self.whole else float(value)

    def _bounds(self) -> tuple[float, float]:
        if self.whole:
            return (
                _LEAST if self.least is None else max(self.least, _LEAST),
                _MOST if self.most is None else min(self.most, _MOST),
            )
        return -math.inf if self.least is None else self.least, math.inf if self.most is None else self.most


@attrs.frozen(init=False)
class OneOf:
    """One of several values, which are all strings or all numbers.

    Attributes:
        values: the values, in the order in which messages list them.

    Raises:
        BadRequest: there is no value, one is given twice, or one is neither a string nor a number.

    Example:
        >>> OneOf("small", "large").fits("huge"), OneOf(1, 2, 5).read("5")
        (False, 5)
    """

    values: tuple[PropertyScalar, ...]

    def __init__(self, *values: PropertyScalar) -> None:
        if len(values) == 1 and not isinstance(values[0], str | int | float):
            raise BadRequest("a OneOf takes its values one by one", hint="OneOf('small', 'large')")
        texts = [property_text(value) for value in values]
        if not values or None in texts:
            raise BadRequest("a OneOf needs values, which are strings or numbers", hint="OneOf('small', 'large')")
        if len({type(value) for value in values}) > 1:
            raise BadRequest("the values of a OneOf are of different types", hint="all strings, or all numbers")
        if len(set(texts)) < len(texts):
            raise BadRequest("a OneOf has a value twice", hint=f"it has: {', '.join(map(str, texts))}")
        self.__attrs_init__(values)

    @property
    def meant(self) -> str:
        """What a value must be, for a message."""
        texts = [str(property_text(value)) for value in self.values]
        return f"one of {', '.join(texts)}" if len(texts) > 1 else texts[0]

    @property
    def sample(self) -> str:
        """A value that fits, as text."""
        return str(property_text(self.values[0]))

    def fits(self, value: str) -> bool:
        """Whether the text ``value`` stands for one of the values."""
        return any(property_text(one) == value for one in self.values)

    def read(self, value: str) -> PropertyScalar:
        """Returns the value that the text ``value`` stands for."""
        return next(one for one in self.values if property_text(one) == value)


@attrs.frozen
class Expression:
    """A text that a regular expression matches from its start to its end.

    Other agents choose the value, so an expression that some text could make slow is refused, by the rules of
    ``docs/reference/binds.md#path-expressions``.

    Attributes:
        text: the expression, in the syntax of ``re``.
        like: a text that fits, which messages show as an example.

    Raises:
        BadRequest: the expression is wrong, or some text makes it slow, or it does not match ``like``.

    Example:
        >>> Expression("[A-Z]{2}-[0-9]+", like="AB-1").meant
        'a text such as AB-1'
    """

    text: str
    like: str = attrs.field(default="", kw_only=True)
    _matches: Callable[[str], bool] = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_matches", _matcher(self.text))
        if self.like and not self.fits(self.like):
            raise BadRequest(f"the expression {self.text!r} does not match the example {self.like!r}")

    @property
    def meant(self) -> str:
        """What a value must be, for a message."""
        return f"a text such as {self.like}" if self.like else f"a text that matches {self.text}"

    @property
    def sample(self) -> str:
        """A value that fits, as text, if the author gave an example."""
        return self.like or "something"

    def fits(self, value: str) -> bool:
        """Whether the expression matches all of ``value``."""
        return self._matches(value)

    def read(self, value: str) -> PropertyScalar:
        """Returns ``value``."""
        return value


def _matcher(text: object) -> Callable[[str], bool]:
    if not isinstance(text, str):
        raise BadRequest(f"an Expression is {type(text).__name__}, not a string", hint="Expression('[A-Z]{2}-[0-9]+')")
    from ..routing.path_regex import PathRegex  # loading it takes time, and few Kinds have an expression

    try:
        re.compile(text)  # compiled alone first, so that it cannot close the group below
        whole = PathRegex.parse(rf"(?:{text})\Z")
    except re.error as error:
        raise BadRequest(
            f"the expression {text!r:.80} is wrong: {error.msg}", hint="its syntax is that of `re`"
        ) from None
    except (RecursionError, OverflowError):
        raise BadRequest(f"the expression {text!r:.80} is too deep", hint="make it simpler") from None
    except ParseError as error:
        raise BadRequest(f"the expression {text!r:.80} cannot be used: {error.told}", hint=error.hint) from None
    return lambda value: whole.captures(value) is not None


def rule_hint(patterns: Iterable[str]) -> str:
    """Returns what the pattern of a property can be."""
    return f"one of {', '.join(patterns)}, or Range(1, 10), OneOf('a', 'b') or Expression('[a-z]+')"
