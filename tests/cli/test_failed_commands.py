"""What is said of a command of the command language that failed."""

from __future__ import annotations

import pytest

from hyperverse_core.cli.talk.results import print_result
from hyperverse_core.client.api import Result
from hyperverse_core.universe.waves.wave import Outcome, Receipt


@pytest.mark.parametrize(("outcome", "doubt"), [(Outcome.UNKNOWN, " (it may have run)"), (Outcome.REJECTED, "")])
def test_a_failure_says_whether_the_command_may_have_run(
    outcome: Outcome, doubt: str, capsys: pytest.CaptureFixture[str]
) -> None:
    body = {"error": "the lane was lost", "hint": "try again"}
    print_result(Result("ping a", 503, outcome, body, Receipt(outcome, 503, 1, 0, True, "", "")), as_json=False)
    assert capsys.readouterr().err == f"error: 503 the lane was lost{doubt}\n  in: ping a\n  hint: try again\n"
