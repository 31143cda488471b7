"""An exception that cannot be looked at does not end the run of the tests."""

from __future__ import annotations

import sys

import tellable


class _WithoutClass(Exception):
    @property
    def __class__(self) -> type:  # type: ignore[override]  # on purpose
        sys.exit(3)


def _caught(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as exc:
        return exc


def test_its_place_is_told() -> None:
    assert "in _caught" in tellable.place_of(_caught(_WithoutClass()))


def test_it_may_stand_behind_another() -> None:
    behind = ValueError("x")
    behind.__cause__ = _WithoutClass()
    assert "in _caught" in tellable.place_of(_caught(behind))


def test_any_other_stays_as_it_is() -> None:
    assert tellable.place_of(_caught(ValueError("x"))) == ""
