"""contrib/hyperverse-shop as a stranger uses it: installed, its README followed, the machine killed in the middle."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from plugins.contrib_environment import CONTRIB, Environment

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment.of("hyperverse-shop", tmp_path_factory.mktemp("shop"))
    environment.install()
    return environment


def test_what_its_readme_says_works(environment: Environment) -> None:
    readme = (CONTRIB / "hyperverse-shop" / "README.md").read_text("utf-8")
    commands = re.findall(r"^\$ hyperverse exec (?:--quiet )?'(.*)'$", readme, re.MULTILINE)
    assert len(commands) >= 6
    environment.hyperverse("up", "--detach")
    try:
        for command in commands[:-1]:
            environment.hyperverse("exec", command)
        # What was ordered is there after the machine was killed.
        os.kill(int(Path(environment.data_dir, "machines", "local", "pid").read_text()), signal.SIGKILL)
        environment.hyperverse("up", "--detach")
        assert environment.exec(commands[-1])["body"] == 900
    finally:
        environment.hyperverse("down")


def test_its_own_tests_pass_where_it_is_installed(environment: Environment) -> None:
    environment.run_own_tests()
