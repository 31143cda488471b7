"""Figures of the portal, as Prometheus reads them."""

from __future__ import annotations

from collections import Counter

from .http import HttpAnswer

__all__ = ["Figures"]


class Figures:
    """Counts the answers."""

    def __init__(self) -> None:
        self._answers: Counter[int] = Counter()

    def count(self, status: int) -> None:
        """A request was answered."""
        self._answers[status] += 1

    def answer(self) -> HttpAnswer:
        """All of them, in the text format of Prometheus."""
        name = "hyperverse_portal_requests_total"
        lines = [f"# HELP {name} Requests that were answered.", f"# TYPE {name} counter"]
        lines += [f'{name}{{status="{status}"}} {count}' for status, count in sorted(self._answers.items())]
        kind = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")
        return HttpAnswer(200, "\n".join((*lines, "")).encode(), (kind,))
