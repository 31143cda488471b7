"""Commands that need no machine, and what the program says when it is used wrongly."""

from __future__ import annotations

import json
import shlex
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from hyperverse_core.cli.group import COMMANDS

pytestmark = pytest.mark.thorough

Run = Callable[..., subprocess.CompletedProcess[str]]


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


# -- config -------------------------------------------------------------------------------------------------


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


# -- plugins ------------------------------------------------------------------------------------------------


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


# -- completion, logs, new ----------------------------------------------------------------------------------


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


def test_new_driver_refuses_a_folder_that_has_something_in_it(run: Run, home: Path) -> None:
    (home / "hyperverse-my-thing").mkdir()
    (home / "hyperverse-my-thing" / "x").touch()
    done = run("new", "driver", "my-thing")
    assert done.returncode == 1
    assert "is not empty" in done.stderr


def test_new_driver_refuses_a_name_that_is_none(run: Run) -> None:
    assert "such as my-thing" in run("new", "driver", "My Thing").stderr


# -- keys ---------------------------------------------------------------------------------------------------

KEY = "-W1!p(x)>&".ljust(40, "k")


@pytest.fixture
def data_dir(home: Path) -> Path:
    """One that commands find without an option, of machines whose keys have letters that a shell takes for others."""
    path = home / ".hyperverse"
    (home / "hyperverse.toml").write_text('[lanes]\ndriver = "zmq"\n')
    path.mkdir()
    return path


def kept(run: Run) -> dict[str, str]:
    """The keys that are let in."""
    known: dict[str, str] = json.loads(run("keys", "show", "--json").stdout)
    return known


@pytest.mark.parametrize("name", ["C", "", "../x", "a b", "a.b"])
def test_a_key_is_not_allowed_for_what_cannot_be_a_machine(run: Run, data_dir: Path, name: str) -> None:
    done = run("keys", "allow", name, "--", KEY)
    assert done.returncode == 1
    assert f"error: {name!r} is not the name of a machine" in done.stderr
    assert "hint: a name has lower-case letters and digits" in done.stderr
    assert list(data_dir.iterdir()) == []


@pytest.mark.parametrize("key", ["short", "-abc", "", "k" * 39, "k" * 41, "k" * 39 + " ", "k" * 39 + ";"])
def test_what_is_not_a_key_is_not_allowed(run: Run, data_dir: Path, key: str) -> None:
    done = run("keys", "allow", "a", "--", key)
    assert done.returncode == 1
    assert f"error: {key!r} is not the public key of a machine" in done.stderr
    assert "hint: a key has 40 characters" in done.stderr
    assert list(data_dir.iterdir()) == []


def test_a_key_of_another_transport_is_not_allowed(run: Run, home: Path) -> None:
    (home / ".hyperverse").mkdir()
    done = run("keys", "allow", "a", "--", KEY)
    assert done.returncode == 1
    assert "is not a key of the transport 'stream'" in done.stderr and "hint: a key has 43 letters" in done.stderr
    assert run("keys", "allow", "a", "k" * 43).returncode == 0
    assert kept(run) == {"a": "k" * 43}


def test_a_new_key_of_a_machine_takes_the_place_of_the_old_one(run: Run, data_dir: Path) -> None:
    for key in ("k" * 40, "k" * 40, KEY):
        assert run("keys", "allow", "a", "--", key).returncode == 0
        assert kept(run) == {"a": key}


def test_a_key_has_one_name(run: Run, data_dir: Path) -> None:
    run("keys", "allow", "a", "--", KEY)
    done = run("keys", "allow", "b", "--", KEY)
    assert done.returncode == 1
    assert "error: this key already belongs to machine 'a', so it cannot belong to 'b'" in done.stderr
    assert "hyperverse keys remove a" in done.stderr
    assert kept(run) == {"a": KEY}


def test_removing_a_key_touches_nothing_but_keys_of_machines(run: Run, data_dir: Path) -> None:
    run("keys", "allow", "a", "--", KEY)
    (data_dir / "keys" / "x.pub").write_text("not a machine's")
    assert run("keys", "remove", "../x").returncode == 1
    assert (data_dir / "keys" / "x.pub").exists()


@pytest.mark.parametrize("args", [["show"], ["allow", "a", "k" * 40], ["remove", "a"]])
def test_keys_need_a_data_directory(run: Run, home: Path, args: list[str]) -> None:
    done = run("keys", *args, "--data-dir", str(home / "nowhere"))
    assert done.returncode == 1
    assert f"error: there is no data directory '{home / 'nowhere'}'" in done.stderr
    assert "hint:" in done.stderr
    assert not (home / "nowhere").exists()


@pytest.mark.parametrize("key", [KEY, "W1!p(x)>&".ljust(40, "k")])
def test_keys_are_shown_as_the_command_that_a_shell_takes(run: Run, data_dir: Path, key: str) -> None:
    run("keys", "allow", "a", "--", key)
    command = run("keys", "show").stdout.splitlines()[1].partition("hyperverse ")[2]
    run("keys", "remove", "a")
    assert f"'{key}'" in command
    assert run(*shlex.split(command)).returncode == 0
    assert kept(run) == {"a": key}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("zmq", "comes with the platform"),
        ("core", "comes with the platform"),
        ("local", "comes with the platform"),
        ("user-base", "the Kind 'UserBase' already exists"),
        ("space", "the Kind 'Space' already exists"),
    ],
)
def test_new_driver_refuses_names_that_are_taken(run: Run, home: Path, name: str, why: str) -> None:
    done = run("new", "driver", name)
    assert (done.returncode, why in done.stderr, "internal error" in done.stderr) == (1, True, False)
    assert list(home.iterdir()) == []


def test_new_driver_refuses_the_name_of_an_installed_package(run: Run, home: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "hyperverse_taken").mkdir(parents=True)
    (site / "hyperverse_taken" / "__init__.py").touch()
    info = site / "hyperverse_bare-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hyperverse-bare\nVersion: 1.0\n")
    for name in ("taken", "bare"):
        done = run("new", "driver", name, env={"PYTHONPATH": str(site)})
        assert (done.returncode, "is already installed" in done.stderr) == (1, True), done.stderr


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


def test_bench_marks_rows_above_their_bound(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """With rows that are given: what is measured differs from computer to computer."""
    from hyperverse_core.cli import run as run_line
    from hyperverse_core.cli.bench import command
    from hyperverse_core.cli.bench.row import Row

    async def measured(*_: object) -> list[Row]:
        kept = {"reference": "a call", "reference_value": 1.0, "at_most": 2.0}
        return [Row(name="slow", value=3.0, **kept), Row(name="fast", value=2.0, **kept)]  # type: ignore[arg-type]

    monkeypatch.setattr(command, "measure", measured)
    monkeypatch.setattr(command, "loop_factory", lambda: None)
    monkeypatch.setattr(command, "set_up", lambda *_: None)  # it would stay: this is the process of all tests
    assert run_line(["bench", "--quick"]) == 0
    told = capfd.readouterr()
    slow, fast = told.out.splitlines()[1:]
    assert ("3.00x !" in slow, "!" in fast) == (True, False)
    assert "! 1 of 2 rows are above their bound" in told.err
