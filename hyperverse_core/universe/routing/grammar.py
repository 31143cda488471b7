"""Parses pipelines and patterns: makes the values of the rules in ``pipelines.lark``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import attrs

from ...errors import ParseError, did_you_mean
from ..address.template import PointVar
from ..text.lark_grammar import Grammar, moved
from ..waves.wave import Method, MethodKind
from .pattern import ANY_BODY, DEEPEST, NO_BODY, AnyShape, Count, KindShape, MapShape, Pattern, Shape, Validator
from .pipeline import Arrow, Direction, Pipeline, Step
from .stop import CORE, REFLECT, Call, PointStop, Stop
from .substance import SUBSTANCES, Format

if TYPE_CHECKING:
    from lark import Token

__all__ = ["parse_arrow", "parse_pattern", "parse_pipeline", "parse_step", "parse_stop"]

_CALLABLE: Final = (MethodKind.EXT, MethodKind.HTTP)
_NUMBERS: Final = re.compile(r"[0-9]+")


class _PipelineBuilder:
    """One method for each rule. Its arguments are the parts of the rule; an optional part that is missing is None."""

    def pipeline(self, *steps: Step) -> Pipeline:
        return Pipeline(steps)

    def step(self, arrow: Arrow, stop: Stop) -> Step:
        return Step(arrow.entry, arrow.pattern, arrow.exit, stop)

    def plain_arrow(self, mark: Token) -> Arrow:
        way = Direction(mark[0])
        return Arrow(way, None, way)

    def guarded_arrow(self, entry: Token, pattern: Pattern | None, leave: Token) -> Arrow:
        return Arrow(Direction(entry[0]), NO_BODY if pattern is None else pattern, Direction(leave[1]))

    def core(self, _: Token) -> Stop:
        return CORE

    def reflect(self, _: Token) -> Stop:
        return REFLECT

    def point(self, point: Token) -> Stop:
        return PointStop(_point(point))

    def point_for_caller(self, _: Token, point: Token) -> Stop:
        return PointStop(_point(point), for_caller=True)

    def stop(self, call: Call) -> Stop:
        return call

    def call_for_caller(self, _: Token, call: Call) -> Stop:
        return attrs.evolve(call, for_caller=True)

    def call(self, point: Token, method: Token, path: Token | None) -> Call:
        return Call(_point(point), _method(method), "/" if path is None else str(path))

    def pattern(self, shape: Shape, form: Token | None, validator: Validator | None) -> Pattern:
        return Pattern(shape, None if form is None else Format(form), validator)

    def whole_pattern(self, pattern: Pattern | None) -> Pattern:
        return NO_BODY if pattern is None else pattern

    def any_shape(self, _: Token) -> Shape:
        return AnyShape()

    def kind_shape(self, kind: Token, count: Token | None) -> Shape:
        if kind not in SUBSTANCES:
            raise ParseError(
                f"unknown substance {str(kind)!r}{did_you_mean(kind, SUBSTANCES)}",
                offset=kind.start_pos or 0,
                expected=("a substance such as Text, Bin or Json",),
            )
        return KindShape(str(kind), None if count is None else _count(count))

    def map_shape(self, *parts: Any) -> Shape:
        *keys, rest = parts
        shape = MapShape(tuple(key for key in keys if key is not None), rest)
        if shape.depth > DEEPEST:
            raise ParseError("map patterns are nested too deeply", hint=f"at most {DEEPEST} deep")
        return shape

    def key(self, name: Token, pattern: Pattern | None) -> tuple[str, Pattern]:
        return str(name), NO_BODY if pattern is None else pattern

    def any_rest(self, _: Token) -> Pattern:
        return ANY_BODY

    def rest(self, _: Token, pattern: Pattern | None) -> Pattern:
        return NO_BODY if pattern is None else pattern

    def validator(self, call: Call, config: Token | None) -> Validator:
        return Validator(call, None if config is None else _point(config))


def _point(token: Token) -> PointVar:
    try:
        return PointVar.parse(str(token))
    except ParseError as exc:
        raise moved(exc, "", token.start_pos or 0) from None


def _method(token: Token) -> Method:
    at = (token.start_pos or 0) + 1
    try:
        method = Method.parse(token[1:])
    except ParseError as exc:
        raise moved(exc, "", at) from None
    if method.kind not in _CALLABLE:
        raise ParseError(f"{method.text!r} cannot be called", offset=at, expected=("Ext<...>", "Http<...>"))
    return method


def _count(token: Token) -> Count:
    numbers = [int(found) for found in _NUMBERS.findall(token)]
    if not numbers:
        return Count()
    if numbers[-1] < numbers[0]:
        raise ParseError(f"the range {str(token)!r} is empty", offset=token.start_pos or 0)
    return Count(numbers[0], numbers[-1])


_GRAMMAR: Final = Grammar(
    __package__,
    "pipelines.lark",
    ("pipeline", "step", "arrow", "stop", "whole_pattern"),
    _PipelineBuilder,
    {
        "ARROW": "'->' or '=>'",
        "OPEN": "'-[' or '=['",
        "CLOSE": "']->' or ']=>'",
        "CORE": "'(())'",
        "REFLECT": "'&'",
        "CALLER": "'(caller)'",
        "POINT": "a point",
        "CALLED": "'^' and an Ext or Http method",
        "ANY": "'*'",
        "FORMAT": "json or image",
        "SUBSTANCE": "a substance such as Text",
        "COUNT": "a range such as [], [2] or [1-4]",
        "KEY": "a key",
        "_MAP": "a map pattern",
        "_TILDE": "'~'",
        "_KEYS": "'['",
        "RBRACE": "'}'",
        "RSQB": "']'",
        "LESSTHAN": "'<'",
        "MORETHAN": "'>'",
        "COMMA": "','",
    },
)


def parse_pipeline(text: str) -> Pipeline:
    """Reads ``text`` as a pipeline. An empty text is a pipeline without steps. Raises ParseError."""
    pipeline: Pipeline = _GRAMMAR.parse(text, "pipeline")
    return pipeline


def parse_step(text: str) -> Step:
    """Reads ``text``, an arrow and a stop, as a step. Raises ParseError."""
    step: Step = _GRAMMAR.parse(text, "step")
    return step


def parse_arrow(text: str) -> Arrow:
    """Reads ``text`` as an arrow, without a stop. Raises ParseError."""
    arrow: Arrow = _GRAMMAR.parse(text, "arrow")
    return arrow


def parse_stop(text: str) -> Stop:
    """Reads ``text`` as a stop. Raises ParseError."""
    stop: Stop = _GRAMMAR.parse(text, "stop")
    return stop


def parse_pattern(text: str) -> Pattern:
    """Reads ``text``, as it stands in the brackets of a step, as a pattern. Raises ParseError."""
    pattern: Pattern = _GRAMMAR.parse(text, "whole_pattern")
    return pattern
