"""From text to values: the one place that knows lark.

A :class:`Grammar` is one ``.lark`` file of this folder. It is built when it is first used, once for a process,
since building takes tens of milliseconds and most processes need only some. Every way in which lark can refuse
a text comes out as a ParseError that names the offset and what a reader would have written there.

The builders, which say what value each rule stands for, are beside the grammars: ``commands.py`` and
``pipelines.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from ...errors import ParseError
from .lexis import shown

if TYPE_CHECKING:
    from lark import Lark

__all__ = ["Grammar", "moved", "without_comments"]

_FOUND: Final = re.compile(r"[+!]?@?[A-Za-z0-9_\-.]{1,24}|\S")
_COMMENT: Final = re.compile(r"#[^\n]*")
_QUOTES: Final = ("'", '"')
_ENDED: Final = f"unexpected {shown('', 0)}"


def without_comments(text: str) -> str:
    """``text`` with each comment, from ``#`` to the end of its line, replaced by as many blanks.

    Every character keeps its offset, so that errors found in the result point into the original.
    """
    return _COMMENT.sub(lambda found: " " * len(found[0]), text) if "#" in text else text


def moved(error: ParseError, text: str, by: int) -> ParseError:
    """``error``, found in the part of ``text`` that starts at offset ``by``, as an error of the whole."""
    return ParseError(error.message, text=text, offset=by + error.offset, expected=error.expected, hint=error.hint)


class Grammar:
    """One ``.lark`` file and the builder that turns its rules into values.

    Args:
        package: the package that holds it.
        file: its name there.
        starts: the rules that a text may be parsed as.
        builder: a class with a method for each rule, which gets the rule's parts as arguments, None for an
            optional one that is not there. It need not know lark.
        names: what a reader calls each terminal; a terminal without a name is not offered in errors.
    """

    __slots__ = ("_builder", "_file", "_lark", "_names", "_package", "_starts")

    def __init__(self, package: str, file: str, starts: Iterable[str], builder: type, names: Mapping[str, str]) -> None:
        self._package = package
        self._file = file
        self._starts = list(starts)
        self._builder = builder
        self._names = {"$END": "the end", **names}
        self._lark: Lark | None = None

    def _parser(self) -> Lark:
        if self._lark is None:
            from lark import Lark, Transformer, v_args  # costs 30 ms; not every process parses these languages

            rules = {name: rule for name, rule in vars(self._builder).items() if not name.startswith("__")}
            builder = v_args(inline=True)(type(self._builder.__name__, (Transformer,), rules))

            self._lark = Lark(
                resources.files(self._package).joinpath(self._file).read_text(encoding="utf-8"),
                start=self._starts,
                parser="lalr",
                lexer="contextual",
                transformer=builder(),
                maybe_placeholders=True,
            )
        return self._lark

    def parse(self, text: str, start: str) -> Any:
        """The value of ``text`` read as the rule ``start``. Raises ParseError."""
        from lark.exceptions import UnexpectedInput

        try:
            return self._parser().parse(text, start=start)
        except UnexpectedInput as exc:
            raise self._translate(exc, text) from None
        except ParseError as exc:
            # Builders raise with an offset into the whole text, but do not have the text itself: what ended too
            # early for them is followed by something that they have not seen.
            if exc.message == _ENDED and exc.offset < len(text):
                exc.message = f"unexpected {shown(text, exc.offset)}"
            raise moved(exc, text, 0) from None

    def follows(self, text: str, start: str) -> set[str]:
        """Names of the terminals that may follow ``text``; empty when ``text`` is wrong already."""
        from lark.exceptions import UnexpectedInput

        state: Any = self._parser().parse_interactive(text, start=start)
        try:
            state.exhaust_lexer()
        except (UnexpectedInput, ParseError):
            return set()
        # accepts() tries each terminal with an empty token, which builders refuse; choices() only looks.
        return {name for name in state.choices() if name.isupper()}

    def _translate(self, exc: Any, text: str) -> ParseError:
        from lark.exceptions import UnexpectedCharacters

        if isinstance(exc, UnexpectedCharacters):
            offset, allowed = exc.pos_in_stream or 0, exc.allowed
        else:
            token = exc.token
            offset = len(text) if token.type == "$END" else int(token.start_pos)
            allowed = exc.expected
        expected = sorted({self._names[name] for name in allowed or () if name in self._names})
        found = _FOUND.match(text, offset)
        said = f"unexpected {found[0]!r}" if found is not None else "the text ends too early"
        if "VALUE" in (allowed or ()) and found is not None and found[0] in _QUOTES:
            return ParseError("the quote is never closed", text=text, offset=offset, expected=(found[0],))
        return ParseError(said, text=text, offset=offset, expected=expected)
