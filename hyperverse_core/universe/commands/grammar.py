"""Parses commands: makes the values of the rules in ``commands.lark``."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from ...errors import ParseError
from ..access.grant import GrantKind
from ..access.permissions import PermissionsMask
from ..address.point_template import PointTemplate
from ..address.template import PointVar
from ..kind_defs.kind_template import KindTemplate
from ..kind_defs.properties import PropertyChange, SetProperty, UnsetProperty
from ..selectors.selector import Selector
from ..text.lark_grammar import Grammar, moved
from ..text.lexis import fail
from ..waves.method_meant import method_meant
from ..waves.wave import BOUNCE, Method
from .advice import WANTS_METHOD
from .body import Upload, scan_body, unquoted
from .command import (
    Chown,
    CommandTemplate,
    Create,
    Delete,
    Explain,
    Get,
    Grant,
    Grants,
    Into,
    PingCommand,
    Publish,
    Read,
    Revoke,
    RippleCommand,
    Select,
    Set,
    ShowAccess,
    SignalCommand,
    Strategy,
    Write,
)
from .words import COMMAND_WORDS

if TYPE_CHECKING:
    from lark import Token

__all__ = ["Statement", "follows", "parse_changes", "parse_statement"]

_T = TypeVar("_T")

_ONLY_IN_SELECTORS: Final = frozenset("*+<>(=^~")
_NO_CODE: Final = re.compile(r"(?:\s++|#[^\n]*+)*+")


@attrs.frozen
class Statement:
    """A command of a script.

    Attributes:
        command: the command.
        end: the offset after its ``;``; None if the text ended without one.
    """

    command: CommandTemplate
    end: int | None


@attrs.frozen
class _Request:
    """A method and a path."""

    method: Method = BOUNCE
    path: str = "/"


class _CommandBuilder:
    """One method for each rule. Its arguments are the parts of the rule; an optional part that is missing is None."""

    def plain(self, command: CommandTemplate, end: Token | None) -> Statement:
        return Statement(command, None if end is None else _start(end) + 1)

    def bodied(self, statement: Statement) -> Statement:
        return statement

    def create(self, word: Token, where: Token, kind: Token, changes: Any) -> CommandTemplate:
        template = _part(KindTemplate.parse, kind[1:-1], kind, 1)
        strategy = Strategy(str(word))
        return Create(_part(PointTemplate.parse, where, where), template, changes or (), strategy)

    def publish(self, word: Token, upload: Upload, point: Token) -> CommandTemplate:
        return Publish(upload, _point(point), Strategy("create" + word.removeprefix("publish")))

    def upload(self, name: Token) -> Upload:
        return Upload(str(name))

    def delete(self, selector: Token, dry_run: Token | None) -> CommandTemplate:
        return Delete(_selector(selector), dry_run is not None)

    def select(self, selector: Token, into: Token | None) -> CommandTemplate:
        return Select(_selector(selector), Into.STUBS if into is None else Into(into))

    def get(self, point: Token, keys: tuple[str, ...] | None) -> CommandTemplate:
        return Get(_point(point), keys)

    def set(self, target: Token, changes: tuple[PropertyChange, ...]) -> CommandTemplate:
        return Set(_point_or_selector(target), changes)

    def read(self, point: Token) -> CommandTemplate:
        return Read(_point(point))

    def write_body(self, point: Token, body: Token) -> Statement:
        content, end = _body(body)
        return Statement(Write(_point(point), content), end)

    def ping(self, point: Token, request: _Request | None) -> CommandTemplate:
        request = request or _Request()
        return PingCommand(_point(point), request.method, request.path)

    def ping_body(self, point: Token, request: _Request | None, body: Token) -> Statement:
        request = request or _Request()
        _check_takes_body(request, body)
        content, end = _body(body)
        return Statement(PingCommand(_point(point), request.method, request.path, content), end)

    def signal(self, point: Token, request: _Request) -> CommandTemplate:
        return SignalCommand(_point(point), request.method, request.path)

    def signal_body(self, point: Token, request: _Request, body: Token) -> Statement:
        _check_takes_body(request, body)
        content, end = _body(body)
        return Statement(SignalCommand(_point(point), request.method, request.path, content), end)

    def ripple(self, selector: Token, request: _Request) -> CommandTemplate:
        return RippleCommand(_selector(selector), request.method, request.path)

    def ripple_body(self, selector: Token, request: _Request, body: Token) -> Statement:
        _check_takes_body(request, body)
        content, end = _body(body)
        return Statement(RippleCommand(_selector(selector), request.method, request.path, content), end)

    def request(self, text: Token) -> _Request:
        cut = text.index(">") + 1
        return _Request(_part(Method.parse, text[:cut], text), text[cut:] or "/")

    def grant_perm(self, mask: Token, on: Selector, to: Selector, dry_run: Token | None) -> CommandTemplate:
        return Grant(GrantKind.perm(_part(PermissionsMask.parse, mask, mask)), on, to, dry_run is not None)

    def grant_priv(self, name: Token, on: Selector, to: Selector, dry_run: Token | None) -> CommandTemplate:
        return Grant(GrantKind.priv(str(name)), on, to, dry_run is not None)

    def grant_super(self, on: Selector, to: Selector, dry_run: Token | None) -> CommandTemplate:
        return Grant(GrantKind.super(), on, to, dry_run is not None)

    def grants(self, on: Selector | None, to: Selector | None) -> CommandTemplate:
        return Grants(on, to)

    def on(self, selector: Token) -> Selector:
        return _part(partial(Selector.parse, routes=True), selector, selector)

    def to(self, selector: Token) -> Selector:
        return _selector(selector)

    def revoke(self, number: Token, dry_run: Token | None) -> CommandTemplate:
        return Revoke(int(number), dry_run is not None)

    def chown(self, selector: Token, owner: Token, dry_run: Token | None) -> CommandTemplate:
        return Chown(_selector(selector), _point(owner), dry_run is not None)

    def explain(self, agent: Token, point: Token, request: Token | None) -> CommandTemplate:
        if request is not None and request.type == "ACT":
            return Explain(_point(agent), _point(point), act=str(request))
        method = None if request is None else _part(Method.parse, request, request)
        return Explain(_point(agent), _point(point), method)

    def access(self, point: Token) -> CommandTemplate:
        return ShowAccess(_point(point))

    def keys(self, *names: Token | None) -> tuple[str, ...]:
        return tuple(str(name) for name in names if name is not None)

    def changes(self, *changes: PropertyChange) -> tuple[PropertyChange, ...]:
        # A later change of a property replaces an earlier one: docs/reference/commands.md#particles.
        return tuple({change.key: change for change in changes}.values())

    bare_changes = changes

    def set_property(self, key: Token, value: Token) -> PropertyChange:
        content = unquoted(value) if value[0] in "'\"" else str(value)
        return SetProperty(key[1:-1].removeprefix("@"), content, key.startswith("+@"))

    def unset_property(self, key: Token) -> PropertyChange:
        return UnsetProperty(key[1:])


def _start(token: Token) -> int:
    return token.start_pos or 0


def _part(parse: Callable[[str], _T], text: str, token: Token, skipped: int = 0) -> _T:
    """Parses ``text``, which is ``token`` or a part of it after ``skipped`` characters. Its errors have their offset
    in the whole text."""
    try:
        return parse(str(text))
    except ParseError as exc:
        raise moved(exc, "", _start(token) + skipped) from None


def _point(token: Token) -> PointVar:
    return _part(PointVar.parse, token, token)


def _selector(token: Token) -> Selector:
    return _part(Selector.parse, token, token)


def _point_or_selector(token: Token) -> PointVar | Selector:
    """Returns the point ``token``, or the selector if it is not a point.

    If it is neither, this raises the error with the larger offset, because the text was valid up to there.
    """
    try:
        return _point(token)
    except ParseError as no_point:
        if _ONLY_IN_SELECTORS.isdisjoint(token):
            raise
        try:
            selector = _selector(token)
        except ParseError as no_selector:
            raise (no_point if no_point.offset > no_selector.offset else no_selector) from None
        if _ONLY_IN_SELECTORS.isdisjoint(str(selector)):
            raise ParseError(
                f"{str(token)!r} matches nothing but the point {selector}",
                offset=_start(token),
                expected=(f"the point {selector}",),
            ) from None
        return selector


def _check_takes_body(request: _Request, rest: Token) -> None:
    """Raises ParseError if the method is a Bounce, which is also the default if the text names no method."""
    if request.method != BOUNCE:
        return
    said = method_meant(str(rest))
    raise ParseError(
        f"a Bounce takes no body: {_shortened(str(rest))}",
        offset=_start(rest),
        expected=(WANTS_METHOD,),
        hint=said or "name the method before the body, such as Ext<Add>",
    )


def _shortened(text: str) -> str:
    line = text.partition("\n")[0].partition(";")[0].strip()
    return repr(line if len(line) <= 40 else f"{line[:40]}...")


def _body(rest: Token) -> tuple[Any, int | None]:
    """Returns the body with which ``rest`` starts, and the offset after the ``;`` of its statement, or None."""
    text = str(rest)
    try:
        body, end = scan_body(text, 0)
        found = _NO_CODE.match(text, end)
        end = end if found is None else found.end()
        if end < len(text) and text[end] != ";":
            fail(text, end, "';'", "the end")
    except ParseError as exc:
        raise moved(exc, "", _start(rest)) from None
    return body, _start(rest) + end + 1 if end < len(text) else None


_WORDS: Final = {
    "CREATE": "create",
    "PUBLISH": "publish",
    **{f"_{word.upper()}": word for word in COMMAND_WORDS if word not in ("create", "publish")},
    **{f"_{word.upper()}": word for word in ("perm", "priv", "super", "on", "to", "into")},
}

_GRAMMAR: Final = Grammar(
    __package__,
    "commands.lark",
    ("statement", "bare_changes"),
    _CommandBuilder,
    {
        **_WORDS,
        "INTO_WHAT": "points or stubs",
        "DRY_RUN": "dry-run",
        "POINT": "a point",
        "TEMPLATE": "a point",
        "KIND": "a Kind such as <Space> directly after the point",
        "SELECTOR": "a selector",
        "TARGET": "a point or a selector",
        "METHOD": WANTS_METHOD,
        "MASK": "a mask such as +csd-RwX",
        "PRIVILEGE": "a privilege such as property:email:read",
        "ID": "the number of a grant",
        "FILE": "the name of a file, without '/'",
        "_UPLOAD_OPEN": "'^['",
        "_UPLOAD_CLOSE": "']->'",
        "KEY": "a key",
        "KEY_EQUALS": "+key= or +@key=",
        "UNSET": "!key",
        "VALUE": "a value directly after '='",
        "END": "';'",
        "BODY": "a body",
        "LBRACE": "'{'",
        "RBRACE": "'}'",
        "COMMA": "','",
    },
)


def parse_statement(text: str) -> Statement:
    """Reads the command with which ``text`` starts, and nothing after its ``;``. Raises ParseError."""
    statement: Statement = _GRAMMAR.parse(text, "statement")
    return statement


def parse_changes(text: str) -> tuple[PropertyChange, ...]:
    """Reads ``text``, such as ``+a=b, !c``, as changes of properties. Raises ParseError."""
    changes: tuple[PropertyChange, ...] = _GRAMMAR.parse(text, "bare_changes")
    return changes


def follows(text: str) -> list[str]:
    """Returns the words of the language that may follow ``text``, the beginning of a command."""
    names = _GRAMMAR.follows(text, "statement")
    words = [word for name, word in _WORDS.items() if name in names]
    more = [*(("points", "stubs") if "INTO_WHAT" in names else ()), *(("dry-run",) if "DRY_RUN" in names else ())]
    return sorted([*words, *more])
