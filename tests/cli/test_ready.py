"""What `hyperverse up` prints when a machine is ready: a link that lets its owner in is for people, not for logs."""

from __future__ import annotations

import pytest

from hyperverse_core.cli.machine.ready import print_ready

STATUS = {
    "state": "Ready",
    "machine": "one",
    "gateways": {"portal": "http://127.0.0.1:8080/-/", "line": "127.0.0.1:9"},
    "invitations": {"portal": "http://127.0.0.1:8080/-/login?once=abc"},
}


@pytest.mark.parametrize("invite", [True, False])
def test_a_link_that_lets_the_owner_in_is_printed_only_for_people(
    invite: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    print_ready(STATUS, as_json=False, invite=invite)
    _, portal, line = capsys.readouterr().out.splitlines()
    assert portal == f"portal: http://127.0.0.1:8080/-/{'login?once=abc' if invite else ''}"
    assert line == "line: 127.0.0.1:9"
