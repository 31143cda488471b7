"""What is wrong with a block of a page, said by doing what it says.

```console        commands behind ``$`` with what they print; ``...`` stands for any text. A command that fails
                  prints an ``error:``, or is followed by ``echo $?``.
```console elsewhere   commands that install this repository, check it or release it. They are not run here; .ci/run and
                  tests/packaging do what they do.
```python         runs. With ``file=NAME`` it is written to that file, for the commands behind it.
                  ``client`` says that it runs with a client at hand: tests/docs/test_signatures.py does that.
```toml           is a configuration, or part of a pyproject.toml. ``file=NAME`` as above.
```text NAME      the language of the platform, NAME says which; pages of the language have tests of their own.
```text           a picture of something. ``file=NAME`` as above.
```ebnf           a grammar.
"""

from __future__ import annotations

import ast
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from docs.pages import Block, commands_of
from docs.reader import Reader
from hyperverse_core.config import load_config
from hyperverse_core.errors import HyperverseError
from hyperverse_core.universe.access.access import AccessGrant
from hyperverse_core.universe.address.point import Point
from hyperverse_core.universe.commands.script import parse_command, parse_script
from hyperverse_core.universe.routing.bind import BindConfig
from hyperverse_core.universe.selectors.selector import Selector

__all__ = ["wrong_with"]

LANGUAGE_PAGES = {"points", "kinds", "selectors", "access", "commands", "binds"}
"""Their text blocks are tested in tests/universe and tests/universe_text."""
WHOLE: dict[str, Callable[[str], Any]] = {"BindConfig": BindConfig.parse, "parse_script": parse_script}
LINES: dict[str, Callable[[str], Any]] = {
    "parse_command": parse_command,
    "AccessGrant": AccessGrant.parse,
    "Point": Point.parse,
    "Selector": Selector.parse,
}
ELSEWHERE = (
    ".ci/run",
    ". .venv/bin/activate",
    "git commit ",
    "git push ",
    "git tag ",
    "hyperverse demo",
    "lint-imports",
    "mypy",
    "pip install ",
    "pip-compile ",
    "python -m build",
    "python -m pytest",
    "python -m tests.",
    "python -m twine ",
    "python -m venv ",
    "python changelog.d/collect.py ",
    "python docs/site/build.py ",
    "python tests/bench/gate.py",
    "python3 -m venv ",
    "ruff ",
    "/tmp/release/bin/",
)
"""What a command of a block that is not run may begin with."""


def wrong_with(page: Path, block: Block, reader: Reader) -> str:
    """What is wrong with a block, empty for nothing."""
    check = _CHECKS.get(block.language)
    if check is None:
        return f"nobody knows how to test {block.language!r}"
    if block.file and block.file not in block.before:
        return f"the paragraph above does not say that this goes into {block.file!r}"
    try:
        wrong = check(page, block, reader)
    except (HyperverseError, ValueError, SyntaxError) as error:  # of the parsers: a text that is not what it should be
        return f"{type(error).__name__}: {error}"
    if block.file and not wrong:
        reader.writes(block.file, block.content)
    return wrong


def _console(page: Path, block: Block, reader: Reader) -> str:
    commands = commands_of(block)
    if "elsewhere" in block.flags:
        said = [part.strip() for command in commands for part in command.text.split("&&")]
        return "" if all(part.startswith(ELSEWHERE) for part in said) else "is not run"
    for command, following in zip(commands, [*commands[1:], None], strict=True):
        wrong = reader.types(command)
        if wrong:
            return wrong
        asks = following is not None and following.text == "echo $?"
        if not asks and bool(reader.code) != ("error:" in command.output):
            return f"$ {command.text}\nended with {reader.code}, and the page says otherwise"
    return ""


def _python(page: Path, block: Block, reader: Reader) -> str:
    if block.file or "client" in block.flags:
        compile(block.content, str(page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST)
        return ""
    return reader.runs(block.content)


def _toml(page: Path, block: Block, reader: Reader) -> str:
    content = tomllib.loads(block.content)
    if "project" in content or block.file == "pyproject.toml":
        return ""
    path = reader.home / "hyperverse.toml"
    path.write_text(block.content)
    load_config(path, start=reader.home, environ={"DB_TOKEN": "x"})
    path.unlink()
    return ""


def _text(page: Path, block: Block, reader: Reader) -> str:
    if page.stem in LANGUAGE_PAGES and page.parent.name == "reference":
        return ""
    names = [flag for flag in block.flags if not flag.startswith("file=")]
    if not names:
        return "commands belong into a console block" if "\n$ " in f"\n{block.content}" else ""
    (name,) = names
    if name in WHOLE:
        WHOLE[name](block.content)
    else:
        for line in block.content.splitlines():
            LINES[name](line)
    return ""


def _json(page: Path, block: Block, reader: Reader) -> str:
    json.loads(block.content)
    return ""


def _ebnf(page: Path, block: Block, reader: Reader) -> str:
    return "" if " = " in block.content and ";" in block.content else "is no grammar"


_CHECKS: dict[str, Callable[[Path, Block, Reader], str]] = {
    "console": _console,
    "python": _python,
    "toml": _toml,
    "text": _text,
    "json": _json,
    "ebnf": _ebnf,
}
