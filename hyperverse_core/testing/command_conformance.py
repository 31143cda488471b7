"""Conformance kit of commands of the ``hyperverse`` program.

Subclass the kit in a test module::

    class TestWeigh(CommandConformance):
        command = weigh
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import click
import pytest
from click.testing import CliRunner, Result

__all__ = ["CommandConformance"]

_COMMON = ("--data-dir", "--json", "--config", "--quiet", "--debug")
_LONGEST = 80


class CommandConformance:
    """The requirements for every command. A subclass names the command.

    Attributes:
        command: the command, as it is registered.
        works: words of command lines that succeed in an empty folder, without a machine. Each is run with ``--json``
            as well when ``prints_json`` is true.
        prints_json: whether the command prints one JSON value on each line with ``--json``.
    """

    command: ClassVar[click.Command]
    works: ClassVar[Sequence[Sequence[str]]] = ()
    prints_json: ClassVar[bool] = True

    def whose_move(self) -> str:
        """The person who has to change something when a test fails."""
        return f"the author of the command {getattr(self.command, 'name', self.command)!r}"

    def leaves(self) -> list[click.Command]:
        """The command itself, or those of a group and of the groups in it."""
        waiting, found = [self.command], list[click.Command]()
        while waiting:
            command = waiting.pop(0)
            if isinstance(command, click.Group):
                waiting = [*command.commands.values(), *waiting]
            else:
                found.append(command)
        return found

    def run(self, words: Sequence[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Result:
        """Runs the command, and returns what it printed and its exit code.

        Args:
            words: the words after its name.
            folder: its working directory, which is also its home.
            monkeypatch: changes folder and environment back when the test ends.
        """
        monkeypatch.chdir(folder)
        monkeypatch.setenv("HOME", str(folder))
        return CliRunner().invoke(self.command, list(words))

    def test_it_is_a_command(self) -> None:
        assert isinstance(self.command, click.Command), (
            f"what is registered must be a click.Command, and is {self.command!r}: write `@click.command()` above it"
        )

    def test_it_has_a_line_for_the_help(self) -> None:
        for command in (self.command, *self.leaves()):
            line = command.get_short_help_str(_LONGEST)
            assert line.strip(), f"the command {command.name!r} must say in its docstring what it does"

    def test_it_takes_the_options_that_all_commands_take(self) -> None:
        for command in self.leaves():
            known = {option for parameter in command.params for option in parameter.opts}
            missing = [option for option in _COMMON if option not in known]
            assert not missing, (
                f"{command.name!r} must take {', '.join(missing)}: write `@common` below `@click.command()`"
            )

    def test_its_help_is_shown_and_does_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        done = self.run(["--help"], tmp_path, monkeypatch)
        assert done.exit_code == 0, f"--help must end with 0, and ended with {done.exit_code}: {done.output}"
        left = sorted(path.name for path in tmp_path.iterdir())
        assert not left, f"--help must do nothing, and has made {left}"

    def test_a_word_that_it_does_not_know_is_wrong_usage(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        done = self.run(["--an-option-that-nobody-has"], tmp_path, monkeypatch)
        assert done.exit_code == 2, f"an unknown option must end with 2, and ended with {done.exit_code}"

    def test_it_works_where_it_says_so(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        if not self.works:
            pytest.skip("`works` names no command line")
        for words in self.works:
            done = self.run(words, tmp_path, monkeypatch)
            assert done.exit_code == 0, f"{list(words)} must succeed, and ended with {done.exit_code}: {done.output}"

    def test_it_prints_json_when_asked_to(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        if not self.works or not self.prints_json:
            pytest.skip("`works` names no command line" if self.prints_json else "it prints no JSON")
        for words in self.works:
            done = self.run([*words, "--json"], tmp_path, monkeypatch)
            for line in done.stdout.splitlines():
                try:
                    json.loads(line, parse_constant=_refuse)
                except ValueError as exc:
                    raise AssertionError(f"{list(words)} must print JSON with --json, and printed {line!r}") from exc


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
