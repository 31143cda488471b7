"""Commands that need no machine, and what the program says when it is used wrongly."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import click
import pytest

from cli.conftest import Run
from hyperverse_core.cli.group import COMMANDS

pytestmark = pytest.mark.thorough


def test_help_names_every_command(run: Run) -> None:
    done = run("--help")
    assert done.returncode == 0
    assert all(f"\n  {name} " in done.stdout for name in COMMANDS)


def test_help_names_the_commands_of_plugins(run: Run) -> None:
    first, second = run("--help"), run("--help")
    assert "\n  registry " in first.stdout
    assert first.stdout == second.stdout


def test_help_leaves_out_the_commands_of_a_plugin_that_is_left_out(run: Run) -> None:
    run("--help")
    assert "registry" not in run("--help", env={"HYPERVERSE_DISABLE_PLUGINS": "sql"}).stdout


def test_help_imports_nothing_heavy(run: Run) -> None:
    run("--help")  # the list of plugins' commands is made once
    traced = run("--help", env={"PYTHONPROFILEIMPORTTIME": "1"}).stderr
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in traced.splitlines()}
    assert "click" in imported
    heavy = "asyncio attr attrs cattrs cryptography lark msgspec pluggy prompt_toolkit rich sqlalchemy zmq"
    assert not imported & set(heavy.split())


def leaves_of(command: click.Command) -> list[click.Command]:
    """The commands of a group and of the groups in it; the command itself when it is none."""
    if not isinstance(command, click.Group):
        return [command]
    return [leaf for inner in command.commands.values() for leaf in leaves_of(inner)]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_and_the_common_options(name: str) -> None:
    from hyperverse_core.cli.group import root

    command = root.get_command(click.Context(root), name)
    assert command is not None and command.help
    for leaf in leaves_of(command):
        options = {option for param in leaf.params for option in param.opts}
        assert {"--data-dir", "--json", "--config", "--debug", "--quiet", "--no-plugin"} <= options


def test_version_names_core_and_plugins(run: Run) -> None:
    done = run("--version")
    assert done.stdout.startswith("hyperverse ")
    assert "\n  sql: cosmic-hyperverse " in done.stdout


@pytest.mark.parametrize("args", [["nonsense"], ["status", "--nonsense"], ["exec"], ["completion", "tcsh"]])
def test_wrong_usage_ends_with_2(run: Run, args: list[str]) -> None:
    assert run(*args).returncode == 2


@pytest.mark.parametrize("count", ["0", "-1"])
def test_watching_for_no_change_at_all_is_wrong_usage(run: Run, count: str) -> None:
    done = run("watch", "localhost", "--count", count)
    assert done.returncode == 2
    assert f"{count} is not a whole number of at least 1" in done.stderr


def test_joining_a_data_directory_with_another_one_is_wrong_usage(run: Run, home: Path) -> None:
    (home / "theirs" / "machines").mkdir(parents=True)
    done = run("up", "--detach", "--join", "theirs", "--data-dir", "mine")
    said = " ".join(done.stderr.split())
    assert done.returncode == 2
    assert "--join theirs and --data-dir" in said
    assert "--join DIR starts the machine in that of another machine" in said
    assert "goes with --join REGISTRY_URL" in said
    assert list((home / "theirs" / "machines").iterdir()) == []
    assert not (home / "mine").exists()


@pytest.mark.parametrize("begins", ["postgresql:/", "postgresql//", "postgresql/", "//", ""])
def test_joining_a_url_with_a_mistake_in_it_does_not_quote_its_password(run: Run, home: Path, begins: str) -> None:
    before = set(home.iterdir())
    done = run("up", "--detach", "--join", f"{begins}me:Sesame-0pen@db.example/x")
    assert done.returncode == 2
    assert "postgresql://USER@HOST/DATABASE" in done.stderr
    assert "Sesame" not in done.stderr
    assert set(home.iterdir()) == before


def test_a_folder_may_have_the_letters_of_a_url_in_its_name(run: Run, home: Path) -> None:
    (home / "me@here").mkdir()
    for name in ("me@here", ".//me@here"):
        done = run("up", "--detach", "--join", name)
        assert done.returncode == 2
        assert f"--join {name}: no machine has ever run on" in done.stderr


def test_a_misspelt_command_is_met_with_the_nearest(run: Run) -> None:
    assert "no such command 'statsu'; did you mean 'status'" in run("statsu").stderr


def test_a_wrong_config_ends_with_2_and_shows_every_fault(run: Run, home: Path) -> None:
    (home / "hyperverse.toml").write_text('lease = "x"\nleese = 1\n')
    done = run("status")
    file = home / "hyperverse.toml"
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "error: the configuration cannot be used",
        f"  {file}: leese: there is no such key; did you mean 'lease' or 'lanes'?",
        f"  {file}: lease: must be a number, not 'x'",
    ]


def test_a_detached_machine_that_cannot_start_tells_the_same_as_one_in_front(run: Run, home: Path) -> None:
    (home / "hyperverse.toml").write_text('[registry]\nfeed = "many"\nsynchronous = 5\nsynchron = true\n')
    front, behind = run("up"), run("up", "--detach")
    assert front.returncode == behind.returncode == 2
    assert behind.stderr == front.stderr
    assert [line.strip().partition(" ")[0] for line in front.stderr.splitlines()] == [
        "error:",
        "no",
        "synchronous",
        "feed",
        "hint:",
    ]
    told = [json.loads(run(*args, "--json").stderr) for args in (["up"], ["up", "--detach"])]
    assert told[0] == told[1]
    assert len(told[0]["faults"]) == 3


@pytest.mark.parametrize("args", [["status"], ["down"], ["stars"], ["kinds"], ["tree"], ["exec", "select *"]])
def test_no_machine_ends_with_3_and_says_how_to_start_one(run: Run, home: Path, args: list[str]) -> None:
    done = run(*args, "--data-dir", str(home / "nowhere"))
    assert done.returncode == 3
    assert "hyperverse up" in done.stderr
    assert not (home / "nowhere").exists()


def test_no_machine_is_told_in_json_on_request(run: Run, home: Path) -> None:
    done = run("status", "--json", "--data-dir", str(home / "nowhere"))
    assert done.stdout == ""
    assert {"error", "hint", "status"} <= json.loads(done.stderr).keys()


def test_common_options_may_stand_before_the_command(run: Run, home: Path) -> None:
    done = run("--json", "--data-dir", str(home / "nowhere"), "status")
    assert done.returncode == 3
    assert str(home / "nowhere") in json.loads(done.stderr)["error"]


def test_config_show_prints_a_file_that_reads_back(run: Run, home: Path) -> None:
    (home / "hyperverse.toml").write_text('[registry]\nurl = "u"\n[kinds.Counter]\nplacement = "hash"\n')
    shown = run("config", "show").stdout
    (home / "hyperverse.toml").write_text(shown)
    assert run("config", "show").stdout == shown
    assert tomllib.loads(shown)["kinds"] == {"Counter": {"placement": "hash"}}


def test_config_show_origin_says_where_each_value_came_from(run: Run, home: Path) -> None:
    (home / "hyperverse.toml").write_text("lease = 3\n")
    lines = run("config", "show", "--origin", env={"HYPERVERSE__NAME": "a"}).stdout.splitlines()
    shown = {line.partition(" = ")[0]: line.partition("# ")[2] for line in lines}
    assert shown["lease"] == f"project ({home / 'hyperverse.toml'})"
    assert shown["name"] == "environment (HYPERVERSE__NAME)"
    assert shown["idle_after"] == "default"


def test_config_show_hides_secrets(run: Run, home: Path) -> None:
    (home / "hyperverse.toml").write_text('[registry]\npassword = {env = "PW"}\n')
    for args in (["config", "show"], ["config", "show", "--json"], ["config", "show", "--origin"]):
        done = run(*args, env={"PW": "hunter2"})
        assert "***" in done.stdout and "hunter2" not in done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(run: Run, shell: str) -> None:
    done = run("completion", shell)
    assert done.returncode == 0
    assert "_HYPERVERSE_COMPLETE" in done.stdout


def test_the_shell_completes_commands(run: Run) -> None:
    env = {"_HYPERVERSE_COMPLETE": "bash_complete", "COMP_WORDS": "hyperverse pl", "COMP_CWORD": "1"}
    assert "plain,plugins" in run(env=env).stdout


def test_logs_of_nothing_say_how_to_get_some(run: Run, home: Path) -> None:
    done = run("logs", "--data-dir", str(home / "nowhere"))
    assert done.returncode == 1
    assert "hyperverse up --detach" in done.stderr


def test_logs_reads_the_last_lines_and_reaches_into_the_rotated_file(run: Run, home: Path) -> None:
    folder = home / "data" / "machines" / "local" / "log"
    folder.mkdir(parents=True)
    (folder / "machine.log.1").write_text("one\ntwo\n")
    (folder / "machine.log").write_text("three\n")
    assert run("logs", "-n", "2", "--data-dir", str(home / "data")).stdout == "two\nthree\n"
