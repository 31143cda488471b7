"""Signatures as the reference of Python shows them: made from the code.

python tests/docs/signatures.py        prints them, to be pasted after a change
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from hyperverse_core import At, Client

__all__ = ["signature_of", "signatures"]

WIDTH = 110
_INTERNAL = {"start", "lost", "received"}
"""Methods of a client for the parts of a client."""


def signatures() -> Iterator[tuple[str, str]]:
    """The name of each method of a client and of a typed call, and its signature."""
    for prefix, cls in (("client", Client), ("at", At)):
        for name, member in inspect.getmembers(cls):
            if not name.startswith("_") and inspect.isroutine(member) and name not in _INTERNAL:
                yield f"{prefix}.{name}", signature_of(member)


def signature_of(function: Any) -> str:
    """The signature of a function, on one line, or with a line for each argument."""
    found = inspect.signature(function)
    said: list[str] = []
    before = None
    for parameter in (p for name, p in found.parameters.items() if name != "self"):
        if before is parameter.POSITIONAL_ONLY and parameter.kind is not before:
            said.append("/")
        if parameter.kind is parameter.KEYWORD_ONLY and not any(text.startswith("*") for text in said):
            said.append("*")
        said.append(_parameter(parameter))
        before = parameter.kind
    word = "async " if inspect.iscoroutinefunction(function) else ""
    end = f" -> {_annotation(found.return_annotation)}"
    line = f"{word}{function.__name__}({', '.join(said)}){end}"
    if len(line) <= WIDTH:
        return line
    inner = "".join(f"    {each},\n" for each in said)
    return f"{word}{function.__name__}(\n{inner}){end}"


def _parameter(parameter: inspect.Parameter) -> str:
    star = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    default = "" if parameter.default is parameter.empty else f" = {_value(parameter.default)}"
    return f"{star}{parameter.name}: {_annotation(parameter.annotation)}{default}"


def _annotation(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))


def _value(value: Any) -> str:
    text = str(value) if type(value).__module__.startswith("hyperverse_core") else repr(value)
    return f'"{text}"' if type(value).__module__.startswith("hyperverse_core") else text


if __name__ == "__main__":
    for name, signature in signatures():
        print(f"### `{name}`\n\n```text\n{signature}\n```\n")
