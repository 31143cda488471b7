"""contrib/hyperverse-counter as a stranger uses it: built, installed into an environment of its own, uninstalled,
installed again. Nothing in the core or in the reference plugins knows of it."""

from __future__ import annotations

import json

import pytest

from plugins.contrib_environment import Environment, run

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Environment.of("hyperverse-counter", tmp_path_factory.mktemp("counter"))


def test_a_kind_comes_goes_and_comes_back_with_its_distribution(environment: Environment) -> None:
    env = environment

    env.install()
    with env.machine():
        assert env.exec("create localhost<Space>")["status"] == 200
        assert env.exec("create localhost:hits<Counter>")["status"] == 200
        assert env.exec('ping localhost:hits Ext<Add> {"by": 3}')["body"] == 3
        (kind,) = (row for row in json.loads(env.hyperverse("kinds", "--json")) if row["kind"] == "Counter")
        assert kind["plugin"] == "counter"

    env.uninstall()
    with env.machine():
        refused = env.exec("ping localhost:hits Ext<Get>")
        assert refused["status"] == 501
        assert "'Counter'" in refused["body"]["error"]
        assert "Counter" not in [row["kind"] for row in json.loads(env.hyperverse("kinds", "--json"))]
        assert env.exec("create localhost:more<Counter>")["status"] == 404
        kept = env.exec("select localhost:hits")
        assert "localhost:hits" in json.dumps(kept["body"])

    env.install()
    with env.machine():
        assert env.exec("ping localhost:hits Ext<Get>")["body"] == 3
        assert env.exec("ping localhost:hits Ext<Add>")["body"] == 4


def test_the_plugin_is_listed_with_its_distribution(environment: Environment) -> None:
    environment.install()
    listed = json.loads(
        run(environment.python, "-m", "hyperverse_core.cli", "plugins", "list", "--json", cwd=environment.home).stdout
    )
    (counter,) = (row for row in listed if row["name"] == "counter")
    assert (counter["distribution"], counter["state"]) == ("hyperverse-counter", "ok")


def test_its_own_tests_pass_where_it_is_installed(environment: Environment) -> None:
    environment.install()
    environment.run_own_tests()
