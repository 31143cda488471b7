"""A wrong name or value in the configuration: what is told, exit code 2, and no secret."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from cli.conftest import Run

pytestmark = pytest.mark.thorough

FAULTS = [
    ({"HYPERVERSE_LANES_DRIVER": "zmq"}, ["HYPERVERSE_LANES_DRIVER", "did you mean HYPERVERSE__LANES__DRIVER?"]),
    ({"HYPERVERSE_LEASE": "3"}, ["did you mean HYPERVERSE__LEASE?"]),
    ({"HYPERVERSE_DISABLE_PLUGIN": "a"}, ["'HYPERVERSE_DISABLE_PLUGINS'"]),
    ({"HYPERVERSE__LANS__DRIVER": "zmq"}, ["HYPERVERSE__LANS__DRIVER: lans", "'lanes'"]),
    ({"HYPERVERSE__LANES__DRIVER": "zmqq"}, ["lanes.driver: no lane transport named 'zmqq'", "'zmq'"]),
    ({"HYPERVERSE__REGISTRY__DRIVER": "sqll"}, ["registry.driver: no registry named 'sqll'", "'sql'"]),
    ({"HYPERVERSE__SECURITY__DRIVER": "grant"}, ["security.driver: no policy named 'grant'", "'grants'"]),
    ({"HYPERVERSE__SECURITY__ANONYMUS": "true"}, ["security.anonymus", "'anonymous'"]),
    ({"HYPERVERSE__KINDS__Bas__PLACEMENT": "hash"}, ["kinds.Bas: there is no Kind 'Bas'", "'Base'"]),
    ({"HYPERVERSE__KINDS__Base__PLACEMENT": "hahs"}, ["kinds.Base.placement: no placement named 'hahs'", "'hash'"]),
    ({"HYPERVERSE__KINDS__Base__PLACEMNT": "hash"}, ["kinds.Base.placemnt: there is no such key", "'placement'"]),
    ({"HYPERVERSE__PLACEMENTS__SPREAD_": "{x = 1}"}, ["placements.spread_: there is no placement", "'spread'"]),
    ({"HYPERVERSE__DRIVERS__Bass__X": "1"}, ["drivers.Bass: there is no driver for a Kind 'Bass'", "'Base'"]),
    ({"HYPERVERSE__GATEWAYS__CONTROLL__X": "1"}, ["gateways.controll: no gateway named 'controll'"]),
    ({"HYPERVERSE__PLUGINS__REQUIRE": '["sqll"]'}, ["plugins.require: no plugin named 'sqll'", "'sql'"]),
    ({"HYPERVERSE__NAME": "My_host"}, ["'My_host' is not a name", "with hyphens between"]),
]


@pytest.mark.parametrize(("variables", "says"), FAULTS, ids=[" ".join(found) for found, _ in FAULTS])
def test_a_wrong_name_is_told_with_the_nearest_one(run: Run, variables: dict[str, str], says: list[str]) -> None:
    done = run("up", env=variables)
    assert done.returncode == 2, done.stderr
    assert [text for text in says if text not in done.stderr] == [], done.stderr


def test_a_name_that_a_plugin_may_bring_that_is_left_out_is_no_fault(run: Run, home: Path) -> None:
    (home / "hyperverse.toml").write_text("[kinds.Pigeon]\nidle_after = 5\n")
    assert run("up", "--detach").returncode == 2
    assert run("up", "--detach", "--no-plugin", "pigeons").returncode == 2  # there is no such plugin
    try:
        (home / "hyperverse_local.py").write_text("")
        (home / "hyperverse.toml").write_text("[plugins]\nlocal = true\n[kinds.Pigeon]\nidle_after = 5\n")
        assert run("up", "--detach", "--no-plugin", "local").returncode == 0
    finally:
        run("down")


def test_a_machine_may_have_hyphens_in_its_name(run: Run) -> None:
    up = run("up", "--detach", "--name", "my-host-2")
    assert up.returncode == 0, up.stderr
    try:
        assert "machine my-host-2: Ready" in run("status").stdout
        assert "STAR::machine:my-host-2[0]" in run("stars").stdout
        assert run("exec", "create localhost<Space>; ping localhost").returncode == 0
    finally:
        assert "my-host-2" in run("down", "--name", "my-host-2").stdout


# -- secrets ------------------------------------------------------------------------------------------------

PLUGIN = """
from hyperverse_core import hookimpl
from hyperverse_core.errors import ConfigError

def make(settings):
    raise ConfigError(f"cannot connect with {settings['dsn']!r} and {settings['pin']}")

make.plain_settings = ("region",)

@hookimpl
def hyperverse_register_registries(register):
    register("far", make)
"""


@pytest.fixture
def far(home: Path) -> None:
    (home / "hyperverse_local.py").write_text(PLUGIN)
    (home / "hyperverse.toml").write_text(
        '[plugins]\nlocal = true\n[registry]\ndriver = "far"\nregion = "north"\n'
        'dsn = "host=db key=hunter2"\npin = 4711\nurl = "db://me:hunter3@db/x"\n'
        '[gateways.web]\napi_key = "hunter4"\n'
    )


SECRETS = ("hunter", "4711")


def test_config_show_hides_what_no_plugin_declares_plain(run: Run, far: None) -> None:
    for words in (["config", "show"], ["config", "show", "--origin"], ["config", "show", "--json"]):
        told = run(*words).stdout
        assert "north" in told and "***" in told
        assert [secret for secret in SECRETS if secret in told] == []


@pytest.mark.parametrize("more", [[], ["--debug"], ["--json"], ["--detach"]])
def test_no_error_quotes_it(run: Run, home: Path, far: None, more: list[str]) -> None:
    (home / "hyperverse.toml").write_text((home / "hyperverse.toml").read_text().partition("[gateways")[0])
    done = run("up", *more)
    assert done.returncode == 2
    assert "cannot connect with '***' and ***" in done.stderr
    assert [secret for secret in SECRETS if secret in done.stderr] == []


@pytest.mark.parametrize("by", ["--join", "HYPERVERSE__REGISTRY__URL"])
@pytest.mark.parametrize("detached", [[], ["--detach"]])
def test_a_wrong_registry_url_never_prints_its_password(run: Run, by: str, detached: list[str]) -> None:
    for scheme, code in (("mysql", 2), ("postgresql", 1)):  # nobody has that registry; that server is not there
        url = f"{scheme}://me:hunter2@127.0.0.1:1/x"
        done = run("up", "--join", url, *detached) if by == "--join" else run("up", *detached, env={by: url})
        assert done.returncode == code, done.stderr
        _check_told_without_password(done, warned=by == "--join")


def _check_told_without_password(done: subprocess.CompletedProcess[str], *, warned: bool) -> None:
    assert "hunter2" not in done.stdout + done.stderr
    assert ("process list" in done.stderr) is warned


def test_the_url_is_not_in_the_process_list_of_a_detached_machine(run: Run, home: Path) -> None:
    run("up", "--detach")
    run("down")
    url = f"sqlite:///{home}/.local/share/hyperverse/registry.sqlite"
    up = run("up", "--detach", "--json", "--join", url, "--data-dir", "other")
    assert up.returncode == 0, up.stderr
    try:
        words = Path(f"/proc/{json.loads(up.stdout)['pid']}/cmdline").read_bytes() if os.path.isdir("/proc") else b""  # noqa: PTH112
        assert b"sqlite" not in words
    finally:
        run("down", "--data-dir", "other")


# -- the settings that plugins declare ------------------------------------------------------------------------


def test_config_show_has_the_settings_of_the_chosen_plugins_with_defaults_and_origins(run: Run, home: Path) -> None:
    (home / "hyperverse.toml").write_text("[registry]\nfeed = 5000\n")
    lines = [line.split("#") for line in run("config", "show", "--origin").stdout.splitlines()]
    told = {said.strip(): origin.strip() for said, origin in lines if origin}
    assert told["registry.feed = 5000"] == f"project ({home / 'hyperverse.toml'})"
    assert told['registry.synchronous = "NORMAL"'] == "default"
    assert told["lanes.heartbeat_interval = 0.5"] == "default"
    assert told["security.anonymous = false"] == "default"


# -- restoring a registry -------------------------------------------------------------------------------------


def test_a_backup_is_restored_when_no_machine_runs(run: Run, home: Path, background: object) -> None:
    run("exec", "create localhost<Space>; create localhost:a<Base>")
    assert run("registry", "backup", "monday").returncode == 0
    run("exec", "delete localhost:a")
    refused = run("registry", "restore", "monday")
    assert refused.returncode == 1 and "is in use" in refused.stderr and "hyperverse down" in refused.stderr
    run("down")
    done = json.loads(run("registry", "restore", "monday", "--json").stdout)
    kept = home / ".hyperverse" / "registry.sqlite.before-restore"
    assert done == {"file": str(home / ".hyperverse" / "registry.sqlite"), "from": "monday", "kept": str(kept)}
    assert run("up", "--detach").returncode == 0
    assert "localhost:a" in run("ls", "localhost").stdout
    assert run("registry", "check").returncode == 0


@pytest.mark.parametrize("content", [None, b"no database", b""])
def test_what_is_no_backup_is_not_restored(run: Run, home: Path, content: bytes | None) -> None:
    run("up", "--detach")
    run("down")
    before = (home / ".local" / "share" / "hyperverse" / "registry.sqlite").read_bytes()
    if content is not None:
        (home / "odd").write_bytes(content)
    done = run("registry", "restore", "odd")
    assert done.returncode == 1 and "'odd'" in done.stderr
    assert (home / ".local" / "share" / "hyperverse" / "registry.sqlite").read_bytes() == before


@pytest.mark.parametrize(("where", "why"), [("missing", "there is no folder"), (".", "no machine has ever run on")])
def test_a_folder_that_cannot_be_joined_is_a_fault_of_the_command_line(run: Run, where: str, why: str) -> None:
    done = run("up", "--join", where)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"error: --join {where}: {why} '"), done.stderr
    assert "data directory of another machine" in done.stderr
