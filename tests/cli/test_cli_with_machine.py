"""The commands about particles, against a real machine in a process of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.thorough

Run = Callable[..., subprocess.CompletedProcess[str]]


def results(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_exec_prints_points_bodies_and_receipts(talk: Run, space: str) -> None:
    assert talk("exec", f"create {space}:hits<Counter>").stdout == f"{space}:hits\n"
    done = talk("exec", f'ping {space}:hits Ext<Add> {{"by": 3}}')
    assert done.stdout == "3\n"
    assert done.stderr.startswith("  200 ok, from STAR::")
    assert talk("exec", f"select {space}+:**").stdout == f"{space}\n{space}:hits\n"


def test_exec_json_prints_one_object_for_each_command(talk: Run, space: str) -> None:
    script = f'create {space}:hits<Counter>; ping {space}:hits Ext<Add> {{"by": 3}};'
    done = results(talk("exec", "--json", script))
    assert [(result["status"], result["outcome"]) for result in done] == [(200, "ok"), (200, "ok")]
    assert done[1]["body"] == 3
    assert done[1]["command"] == f'ping {space}:hits Ext<Add> {{"by": 3}}'
    assert {"outcome", "status", "attempts", "hops", "remote", "star", "wave"} <= done[1]["receipt"].keys()


def test_a_script_stops_at_the_first_failure_unless_told_otherwise(talk: Run, space: str, tmp_path: Path) -> None:
    script = tmp_path / "x.hv"
    script.write_text(f"create {space}:a<Base>;\ncreate {space}:a<Base>;\ncreate {space}:b<Base>;\n")
    stopped = talk("exec", "-f", str(script), "--json")
    assert [result["status"] for result in results(stopped)] == [200, 409]
    assert stopped.returncode == 1
    going = talk("exec", "-f", str(script), "--json", "--keep-going")
    assert [result["status"] for result in results(going)] == [409, 409, 200]
    assert going.returncode == 1


def test_exec_reads_stdin(talk: Run, space: str) -> None:
    assert talk("exec", "-", stdin=f"create {space}:a<Base>;\n").stdout == f"{space}:a\n"


def test_a_malformed_command_is_shown_with_place_and_caret(talk: Run, space: str) -> None:
    done = talk("exec", f"create {space} Space")
    assert done.returncode == 1
    what, text, caret = done.stderr.splitlines()
    assert what.startswith(f"error: 400 line 1, column {len(space) + 9}: unexpected 'Space'; expected ")
    assert caret.index("^") == text.index("Space")


def test_an_unknown_kind_gets_the_nearest_names(talk: Run, space: str) -> None:
    done = talk("exec", f"create {space}:x<Countr>")
    assert done.returncode == 1
    assert "did you mean 'Counter'" in done.stderr


def test_a_select_of_more_than_a_page_prints_all(talk: Run, space: str) -> None:
    script = "".join(f"create {space}:b{n}<Base>;" for n in range(1_100))
    assert talk("exec", "-", "--quiet", stdin=script).returncode == 0
    assert len(talk("exec", f"select {space}:*").stdout.splitlines()) == 1_100
    (whole,) = results(talk("exec", f"select {space}:*", "--json"))
    assert len(whole["body"]["items"]) == 1_100
    assert len(json.loads(talk("ls", space, "--json").stdout)) == 1_100


def test_tree_draws_what_is_below_a_point(talk: Run, space: str) -> None:
    talk("exec", f"create {space}:a<Base>; create {space}:a:x<Counter>; create {space}:b<Base>;")
    assert talk("tree", space).stdout.splitlines() == [
        f"{space}<Space>",
        "├── a<Base>",
        "│   └── x<Counter>",
        "└── b<Base>",
    ]
    assert talk("tree").stdout.splitlines()[0] == "ROOT<Root>"
    missing = talk("tree", f"{space}:none")
    assert (missing.returncode, f"no particle '{space}:none'" in missing.stderr) == (1, True)


def test_tree_folds_the_platform_and_bundles_unless_asked(talk: Run, space: str) -> None:
    folded = talk("tree").stdout
    assert "hyperspace<Space>  (" in folded
    assert "below: hyperverse tree hyperspace)" in folded
    assert "hyperuser" not in folded
    inside = talk("tree", "hyperspace").stdout
    assert "1.0.0<Bundle>  (4 below: hyperverse tree hyperspace:repo:boot:1.0.0)" in inside
    assert ("hyperuser<User>" in inside, "user.bind" in inside) == (True, False)
    assert "user.bind<Artifact<Bind>>" in talk("tree", "--all").stdout
    assert "user.bind<Artifact<Bind>>" in talk("tree", "hyperspace:repo:boot:1.0.0").stdout
    assert "hyperspace:users:hyperuser" in talk("tree", "--json").stdout


def test_the_files_of_a_bundle_are_listed_drawn_and_counted(talk: Run, space: str) -> None:
    bundle = "hyperspace:repo:boot:1.0.0"
    assert [row["point"] for row in json.loads(talk("ls", f"{bundle}:/", "--json").stdout)] == [f"{bundle}:/bind/"]
    assert f"{bundle}:/bind/user.bind " in talk("ls", f"{bundle}:/bind/").stdout
    assert talk("ls", f"{bundle}:/bind/user.bind").stdout == ""
    assert talk("tree", f"{bundle}:/bind/").stdout.splitlines()[1] == "├── user.bind<Artifact<Bind>>"
    doomed = talk("exec", "--dry-run", f"delete {bundle}:/bind/").stdout.splitlines()
    assert doomed == [f"{bundle}:/bind/", f"{bundle}:/bind/user.bind", f"{bundle}:/bind/userbase.bind"]


def test_versions_are_listed_and_what_is_not_there_is_an_error(talk: Run, space: str, tmp_path: Path) -> None:
    talk("exec", f"create {space}:repo<Repo>; create {space}:repo:empty<BundleSeries>")
    (tmp_path / "a.txt").write_text("hello")
    version = f"{space}:repo:hello:1.0.0"
    assert talk("publish", str(tmp_path), version).returncode == 0
    for point in (space, f"{space}:repo", f"{space}:repo:hello"):
        assert talk("artifacts", "ls", point).stdout == f"{version}  1 file, 5 bytes\n"
        assert json.loads(talk("artifacts", "ls", point, "--json").stdout)["point"] == version
    assert talk("artifacts", "ls", version).stdout.startswith("a.txt  5 bytes")
    empty = talk("artifacts", "ls", f"{space}:repo:empty")
    assert (empty.returncode, empty.stdout) == (0, "")
    assert empty.stderr.strip() == f"no version is published at or below {space}:repo:empty"
    missing = talk("artifacts", "ls", f"{space}:repo:helo")
    assert (missing.returncode, missing.stdout) == (talk("ls", f"{space}:repo:helo").returncode, "")
    assert f"no particle '{space}:repo:helo'" in missing.stderr
    assert f"did you mean '{space}:repo:hello'?" in missing.stderr
    file = talk("artifacts", "ls", f"{version}:/a.txt")
    assert file.returncode == 1 and "is inside a version" in file.stderr


def test_ls_lists_children_with_kind(talk: Run, space: str) -> None:
    talk("exec", f"create {space}:a<Base>; create {space}:a:x<Counter>;")
    assert [row["point"] for row in json.loads(talk("ls", space, "--json").stdout)] == [f"{space}:a"]
    assert f"{space}:a  Base" in talk("ls", space).stdout
    assert talk("ls", f"{space}:a:x").stdout == ""
    assert talk("ls", f"{space}:none").returncode == 1


def test_term_runs_what_is_piped_in_line_by_line(talk: Run, space: str) -> None:
    done = talk("term", stdin=f"create {space}:a<Base>\nnonsense\n\nselect {space}:*\n")
    assert done.stdout == f"{space}:a\n{space}:a\n"
    assert "nonsense" in done.stderr
    assert done.returncode == 1
