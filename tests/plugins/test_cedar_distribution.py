"""contrib/hyperverse-cedar as a stranger uses it: built, installed, chosen by the config, on several machines."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from patience import budget
from plugins.contrib_environment import Environment, run

pytestmark = pytest.mark.thorough

_MACHINES = ("local", "local2")
_RULES = """
@id("whatever the grants allow")
permit (principal, action, resource);

@id("who has left")
forbid (principal, action in Action::"needs:read", resource)
when { principal.properties has email && principal.properties.email like "*@left.example" };
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment.of("hyperverse-cedar", tmp_path_factory.mktemp("cedar"))
    environment.install()
    rules = environment.home / "rules.cedar"
    rules.write_text(_RULES, "utf-8")
    config = f'[security]\ndriver = "cedar"\npolicies = "{rules}"\n'
    Path(environment.home, "hyperverse.toml").write_text(config, "utf-8")
    return environment


def test_a_property_counts_within_a_second_on_every_machine(environment: Environment) -> None:
    """A client at each machine asks, without a pause, while a property changes: no answer that was asked for more than
    a second after the change follows the old value."""
    environment.hyperverse("up", "--detach", "--machines", str(len(_MACHINES)))
    try:
        for command in ("create localhost<Space>", "create localhost:a<Base>", "create hyperspace:users:ada<User>"):
            assert environment.exec(command)["status"] == 200
        granted = "grant perm +csd-Rwx on localhost:a to hyperspace:users:ada"
        assert environment.exec(granted)["status"] == 200
        token = environment.hyperverse("user", "token", "ada").strip()
        script = environment.home / "ask.py"
        script.write_text(_ASK, "utf-8")
        asked = run(environment.python, script, environment.data_dir, token, *_MACHINES, cwd=environment.home).stdout
        for machine, seen in json.loads(asked).items():
            assert seen["before"] == 200, machine
            assert seen["left after"] is not None, machine
            assert seen["left after"] < budget(1.0), machine
            assert seen["here after"] < budget(1.0), machine
    finally:
        environment.hyperverse("down")


def test_a_policy_that_does_not_parse_is_named_at_the_start_with_its_line(environment: Environment) -> None:
    rules = environment.home / "rules.cedar"
    try:
        rules.write_text(_RULES + "\npermit (principal, action);\n", "utf-8")
        begun = time.monotonic()
        command = (environment.python, "-m", "hyperverse_core.cli", "up", "--data-dir", environment.data_dir)
        done = run(*command, cwd=environment.home, ok=False)
        assert done.returncode == 2
        line = _RULES.count("\n") + 2
        assert f"{rules}:{line}: this is not a Cedar policy" in done.stderr
        assert time.monotonic() - begun < budget(10.0)
    finally:
        rules.write_text(_RULES, "utf-8")


def test_its_own_tests_pass_where_it_is_installed(environment: Environment) -> None:
    environment.run_own_tests()


_ASK = """
import asyncio, json, sys
from hyperverse_core import Client

data_dir, token, *machines = sys.argv[1:]

async def waited_for(client, status, begun):
    loop = asyncio.get_running_loop()
    while loop.time() < begun + 20.0:
        asked = loop.time()
        if (await client.ping("localhost:a", "Cmd<Read>")).status == status:
            return asked - begun
    return None

async def main():
    seen = {machine: {} for machine in machines}
    loop = asyncio.get_running_loop()
    async with Client.connect(data_dir=data_dir) as boss:
        clients = {m: await Client.connect(data_dir=data_dir, machine=m, token=token) for m in machines}
        for machine, client in clients.items():
            assert client.machine == machine, (client.machine, machine)
            seen[machine]["before"] = (await client.ping("localhost:a", "Cmd<Read>")).status
        for word, status in (("left", 404), ("here", 200)):
            await boss.exec("set hyperspace:users:ada{ +email=ada@%s.example }" % word)
            begun = loop.time()
            waits = await asyncio.gather(*(waited_for(c, status, begun) for c in clients.values()))
            for machine, wait in zip(clients, waits):
                seen[machine][word + " after"] = wait
        for client in clients.values():
            await client.close()
    print(json.dumps(seen))

asyncio.run(main())
"""
