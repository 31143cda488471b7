"""`hyperverse plugins` where no machine runs: it lists plugins, shows one, and checks what they register."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.conftest import Run

pytestmark = pytest.mark.thorough


def test_plugins_list_shows_state_version_and_what_each_registers(run: Run) -> None:
    listed = {row["name"]: row for row in json.loads(run("plugins", "list", "--json").stdout)}
    assert {"sql", "zmq", "base", "grants"} <= listed.keys()
    assert listed["zmq"]["registers"] == {"transport": ["zmq"]}
    assert (listed["zmq"]["state"], listed["zmq"]["distribution"]) == ("ok", "cosmic-hyperverse")
    assert "zmq " in run("plugins", "list").stdout


def test_a_plugin_is_left_out_by_an_option(run: Run) -> None:
    listed = json.loads(run("plugins", "list", "--json", "--no-plugin", "zmq").stdout)
    (row,) = [row for row in listed if row["name"] == "zmq"]
    assert (row["state"], row["reason"]) == ("blocked", "disabled by HYPERVERSE_DISABLE_PLUGINS")


def test_plugins_show_knows_the_nearest_name(run: Run) -> None:
    assert run("plugins", "show", "sql").returncode == 0
    done = run("plugins", "show", "sqll")
    assert done.returncode == 1
    assert "did you mean 'sql'" in done.stderr


def test_plugins_check_fails_for_a_plugin_that_failed(run: Run, home: Path) -> None:
    assert run("plugins", "check").returncode == 0
    (home / "hyperverse.toml").write_text("[plugins]\nlocal = true\n")
    (home / "hyperverse_local.py").write_text("import nothing_of_that_name\n")
    done = run("plugins", "check")
    assert done.returncode == 1
    assert "local: ModuleNotFoundError: No module named 'nothing_of_that_name'" in done.stderr


def test_plugins_check_is_fine_with_one_that_was_left_out_on_purpose(run: Run) -> None:
    assert run("plugins", "check", "--no-plugin", "zmq").returncode == 0


def test_the_traceback_of_a_failed_plugin_is_shown_on_request(run: Run, home: Path) -> None:
    (home / "hyperverse.toml").write_text("[plugins]\nlocal = true\n")
    (home / "hyperverse_local.py").write_text("1 / 0\n")
    assert "Traceback" not in run("plugins", "show", "local").stderr
    assert "hyperverse_local.py" in run("plugins", "show", "local", "--debug").stderr


def test_a_check_imports_what_is_registered_and_names_what_is_wrong(run: Run, home: Path) -> None:
    (home / "hyperverse.toml").write_text("[plugins]\nlocal = true\n")
    (home / "hyperverse_local.py").write_text(
        "from hyperverse_core import hookimpl\n@hookimpl\ndef hyperverse_register_policies(register):\n"
        "    register('mine', 'nothing_there:Mine')\n"
    )
    done = run("plugins", "check")
    assert done.returncode == 1
    assert "local: " in done.stderr and "No module named 'nothing_there'" in done.stderr
    (home / "hyperverse_local.py").write_text("x = 1\n")
    done = run("plugins", "check")
    assert done.returncode == 1
    assert "local: it registers nothing" in done.stderr


def test_what_a_plugin_prints_when_it_is_imported_does_not_mix_with_results(run: Run, home: Path) -> None:
    (home / "hyperverse.toml").write_text("[plugins]\nlocal = true\n")
    (home / "hyperverse_local.py").write_text("print('hello from a plugin')\n")
    done = run("plugins", "list", "--json")
    assert [row["state"] for row in json.loads(done.stdout) if row["name"] == "local"] == ["ok"]
    assert "hello from a plugin" in done.stderr


def test_a_check_passes_over_damaged_metadata_of_others_and_names_it(run: Run, tmp_path: Path) -> None:
    info = tmp_path / "site" / "other-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "entry_points.txt").write_text("[console_scripts]\nno entry point\n")
    done = run("plugins", "check", env={"PYTHONPATH": str(tmp_path / "site")})
    assert done.returncode == 0
    assert "passed over: " in done.stderr and "other-1.0.dist-info" in done.stderr
    assert run("plugins", "list", env={"PYTHONPATH": str(tmp_path / "site")}).returncode == 0
