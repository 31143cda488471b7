"""The checker of who was allowed when, by itself."""

from __future__ import annotations

import pytest

from chaos.history import Fault
from chaos.rules import Answer, Change, judge

CHANGES = [Change(False, 0.0, 0.0), Change(True, 10.0, 10.5), Change(False, 20.0, 20.5), Change(True, 30.0)]


@pytest.mark.parametrize(
    ("begun", "ended", "status", "right", "wrong"),
    [
        (5.0, 5.1, 403, 1, 0),
        (5.0, 5.1, 404, 1, 0),
        (5.0, 5.1, 200, 0, 1),
        (9.9, 10.1, 200, 0, 0),  # it may have been decided after the change
        (11.4, 11.5, 403, 0, 0),  # within the second that is promised
        (11.6, 11.7, 403, 0, 1),
        (11.6, 11.7, 200, 1, 0),
        (15.0, 15.1, 503, 0, 0),  # nobody has decided it
        (21.6, 29.9, 200, 0, 1),
        (31.6, 32.0, 200, 0, 0),  # nobody knows whether that grant was made
        (31.6, 32.0, 404, 0, 0),
    ],
)
def test_an_answer_is_judged_where_the_rule_is_certain(
    begun: float, ended: float, status: int, right: int, wrong: int
) -> None:
    found = judge(CHANGES, [Answer(begun, ended, status)], 1.0)
    assert (found.right.total(), len(found.wrong)) == (right, wrong)


def test_an_answer_of_one_who_could_not_hear_of_the_change_is_not_judged() -> None:
    late = [Answer(25.0, 25.1, 200)]
    assert judge(CHANGES, late, 1.0, [Fault("SIGSTOP b for 6 s", 19.0, 24.9)]).wrong == []
    assert judge(CHANGES, late, 1.0, [Fault("SIGSTOP b for 6 s", 26.0, 32.0)]).wrong
    assert judge(CHANGES, late, 1.0, [Fault("SIGKILL b", 24.0, 24.0)]).wrong
