"""Which classes begin alike: what is encoded once for all of their objects must be so for each."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

import attrs
import pytest

from hyperverse_core import Particle
from hyperverse_core.contracts.driver import transient
from hyperverse_core.protocol.states.beginnings import begin_alike
from hyperverse_core.protocol.states.fields import StateFields

_NUMBERS = itertools.count()


class Stateless(Particle):
    """Has no fields."""


@attrs.define
class Plain(Particle):
    """Plain defaults and empty collections."""

    number: int = 7
    name: str = "n"
    share: float | None = None
    done: list[str] = attrs.field(factory=list)
    by_name: dict[str, int] = attrs.field(factory=dict)
    connection: str = transient(factory=lambda: uuid.uuid4().hex)


@attrs.define
class Further(Plain):
    """A field more."""

    more: bytes = b""


@attrs.define
class Drawn(Particle):
    """Each has another number."""

    number: int = attrs.field(factory=lambda: next(_NUMBERS))


@attrs.define
class Counted(Particle):
    """Each gets another number when it is made."""

    number: int = 0

    def __attrs_post_init__(self) -> None:
        self.number = next(_NUMBERS)


@attrs.define
class Converted(Particle):
    """A converter that says what it likes."""

    number: int = attrs.field(default=0, converter=lambda _: next(_NUMBERS))


@attrs.define
class Dependent(Particle):
    """A default that looks at the object."""

    name: str = "a"
    number: int = attrs.field()

    @number.default
    def _number(self) -> int:
        return next(_NUMBERS)


@attrs.define
class OwnInit(Particle):
    """Makes itself."""

    number: int = 0

    def __init__(self) -> None:
        self.__attrs_init__(next(_NUMBERS))  # type: ignore[attr-defined]  # attrs makes it


class UnseenByAttrs(Plain):
    """A subclass that attrs has not seen."""

    def __init__(self) -> None:
        super().__init__(number=next(_NUMBERS))


@attrs.define
class OwnNew(Particle):
    """Is not made by ``object``."""

    number: int = 0

    def __new__(cls) -> Any:
        """Makes it."""
        return super().__new__(cls)


@pytest.mark.parametrize("cls", [Stateless, Plain, Further])
def test_what_begins_alike_is_encoded_alike(cls: type[Particle]) -> None:
    assert begin_alike(cls)
    assert StateFields.of(cls).encode(cls()) == StateFields.of(cls).encode(cls())


@pytest.mark.parametrize("cls", [Drawn, Counted, Converted, Dependent, OwnInit, UnseenByAttrs, OwnNew])
def test_what_may_begin_in_another_way_each_time_is_none_of_them(cls: type[Particle]) -> None:
    assert not begin_alike(cls)
