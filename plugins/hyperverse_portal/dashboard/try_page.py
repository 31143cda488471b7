"""The page to try the API: a form for each handler in the OpenAPI description, sent with the rights of the reader."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import attrs

from hyperverse_core.errors import HyperverseError
from hyperverse_core.values import Point

from .questions import Failed, Questions
from .rendering import page
from .wave_form import WaveForm, forms

__all__ = ["TryPage"]

_WITH_FORMS: Final = ("Ext<", "Cmd<")
"""The methods that the API describes. ``Http`` methods are sent to the host of the particle."""


@attrs.frozen
class _Tried:
    """A request to the API, and its answer.

    Attributes:
        line: the same request on a command line, with the token as a variable.
        status, answer: the answer of the API.
    """

    line: str
    status: int
    answer: Any


class TryPage:
    """The page.

    Args:
        wait: seconds that a particle may take to answer.
    """

    def __init__(self, wait: float) -> None:
        self._wait = wait

    async def show(
        self, address: str, query: Mapping[str, str], asking: Questions, sent: Mapping[str, str] | None = None
    ) -> str:
        """The page.

        Args:
            address: address of the portal, as the browser sees it.
            query: holds the ``point``, the ``kind`` if there is no point, and the ``method`` whose form is open.
            asking: asks on behalf of the reader.
            sent: the fields of the form, if it was sent.
        """
        point, kind = query.get("point", "").strip(), query.get("kind", "")
        failed: Failed | None = None
        if point:
            found = await asking.part(self._kind_of(point, asking))
            if isinstance(found, Failed):
                failed = found
            else:
                kind = found
        kinds = await asking.part(asking.machine("Ext<Kinds>"))
        known = await asking.part(asking.machine("Ext<Kind>", {"kind": kind})) if kind else {"handlers": ()}
        if isinstance(known, Failed):
            failed, known = failed or known, {"handlers": ()}
        offered = [
            form for form in forms(known["handlers"]) if form.path == "/" and form.method.startswith(_WITH_FORMS)
        ]
        refused = await self._refused(point, offered, asking) if point and failed is None else {}
        method = (sent or query).get("method", "")
        chosen = next((form for form in offered if form.method == method), None)
        tried, wrong = None, ""
        if sent is not None and chosen is not None and point:
            try:
                tried = await self._try(address, point, chosen, sent, asking)
            except HyperverseError as exc:
                wrong = exc.message
        return page(
            "try.html",
            at="try",
            agent=asking.agent,
            point=point,
            kind=kind,
            kinds=[] if isinstance(kinds, Failed) else [each["kind"] for each in kinds],
            forms=offered,
            refused=refused,
            chosen=chosen,
            tried=tried,
            wrong=wrong,
            failed=failed,
            values=sent or {},
        )

    @staticmethod
    async def _kind_of(point: str, asking: Questions) -> str:
        about = await asking.machine("Ext<Describe>", {"point": Point.parse(point).text})
        return str(about["kind"]).partition("<")[0]

    @staticmethod
    async def _refused(point: str, offered: list[WaveForm], asking: Questions) -> dict[str, str]:
        """Returns the reason why the policy would refuse each method."""
        asked = [f"explain {asking.agent} on {point} {form.method}" for form in offered]
        answers = await asyncio.gather(*(asking.part(asking.command(text)) for text in asked))
        return {
            form.method: answer.error
            if isinstance(answer, Failed)
            else str(answer.get("why") or "the policy refuses it")
            for form, answer in zip(offered, answers, strict=True)
            if isinstance(answer, Failed) or answer.get("allowed") is not True
        }

    async def _try(
        self, address: str, point: str, form: WaveForm, sent: Mapping[str, str], asking: Questions
    ) -> _Tried:
        """Raises HyperverseError for a field with an invalid value."""
        body = form.body(sent)
        pong = await asking.session.ping(point, form.method, body, wait=self._wait)
        answer = {"status": pong.status, "outcome": str(pong.outcome), "body": pong.body, "wave": pong.id}
        words = ["curl", "-X", "POST", f"{address}api/ping/{quote(point, safe=':')}/{quote(form.method)}"]
        line = f'{shlex.join(words)} -H "authorization: Bearer $TOKEN"'
        if body is not None:
            line += f" --json {shlex.quote(json.dumps(body, ensure_ascii=False))}"
        return _Tried(line, pong.status, {**answer, "star": pong.star})
