"""Arranges the hops that all machines have recorded as waves: each with its events, after the wave whose handler sent
it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

__all__ = ["waves_of"]

_Hop: TypeAlias = "dict[str, Any]"
_OF_WAVE = ("kind", "to", "sender", "method", "path")
_OF_EVENT = ("event", "at", "machine", "to", "star", "status", "outcome", "attempt", "seconds", "why")


def waves_of(machines: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Returns the waves of a trace. A wave follows its parent, and ``depth`` is its depth in the tree.

    Clocks of different machines are not compared. The events of one machine are in the order of their times; events at
    the recipient of a wave come before its answer.

    Args:
        machines: the hops that each machine has recorded.
    """
    waves: dict[str, list[_Hop]] = {}
    for machine, hops in machines.items():
        for hop in hops:
            waves.setdefault(hop["wave"], []).append({**hop, "machine": machine})
    below: dict[str, list[str]] = {}
    for span, found in waves.items():
        parent = _first(found)["parent"]
        below.setdefault(parent if parent in waves else "", []).append(span)
    return list(_walk(waves, below))


def _walk(waves: Mapping[str, list[_Hop]], below: Mapping[str, list[str]]) -> Iterator[dict[str, Any]]:
    """Walks the waves depth first, without recursion: handlers may send to one another many times."""
    stack = [(span, 0) for span in _by_time(waves, below.get("", ()))]
    while stack:
        span, depth = stack.pop()
        yield _wave(span, depth, waves[span])
        stack += [(child, depth + 1) for child in _by_time(waves, below.get(span, ()))]


def _by_time(waves: Mapping[str, list[_Hop]], spans: Sequence[str]) -> list[str]:
    """Sorts the last first, for use as a stack."""
    firsts = {span: _first(waves[span]) for span in spans}
    return sorted(spans, key=lambda span: (firsts[span]["machine"], firsts[span]["at"]), reverse=True)


def _first(hops: Sequence[_Hop]) -> _Hop:
    """Returns the hop where the wave began, if that was recorded."""
    return next((hop for hop in hops if hop["event"] == "begun"), hops[0])


def _wave(span: str, depth: int, hops: Sequence[_Hop]) -> dict[str, Any]:
    first = _first(hops)
    events = [{key: hop[key] for key in _OF_EVENT} for hop in _in_order(first, hops)]
    return {
        "wave": span,
        "parent": first["parent"],
        "depth": depth,
        **{key: first[key] for key in _OF_WAVE},
        "events": events,
    }


def _in_order(first: _Hop, hops: Sequence[_Hop]) -> list[_Hop]:
    here = sorted((hop for hop in hops if hop["machine"] == first["machine"]), key=lambda hop: float(hop["at"]))
    there = sorted((h for h in hops if h["machine"] != first["machine"]), key=lambda h: (h["machine"], h["at"]))
    names = [hop["event"] for hop in here]
    if first["kind"] == "Signal" or "answered" not in names:
        return here + there
    end = names.index("answered")
    return here[:end] + there + here[end:]
