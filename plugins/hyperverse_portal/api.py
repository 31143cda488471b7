"""The API below ``/-/api``: handlers by point and method, commands, and descriptions of Kinds and particles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from hyperverse_core import Pong
from hyperverse_core.errors import BadRequest, NotFound
from hyperverse_core.gateway import Session
from hyperverse_core.values import GLOBAL_EXECUTOR, Point

from .answer import HttpAnswer, final_status, json_answer, not_allowed, retry_after
from .commands import ask_command, select_page
from .openapi import description
from .request import HttpRequest
from .settings import PortalSettings
from .trace_context import trace_headers

__all__ = ["MACHINE", "answer_api", "openapi_of", "query_of"]

MACHINE = "GLOBAL::machine"
_ROUTES = (
    "POST /-/api/ping/POINT/METHOD, POST /-/api/exec, GET /-/api/kinds, /-/api/kinds/KIND, /-/api/describe/POINT, "
    "/-/api/select?selector=, /-/api/explain?point=, /-/api/figures, /-/api/plan"
)


async def answer_api(request: HttpRequest, session: Session, settings: PortalSettings) -> HttpAnswer:
    """Answers an API request. Raises HyperverseError."""
    words = [word for word in request.path.removeprefix("/-/api/").split("/") if word]
    match _read(request.method), words:
        case "POST", ["ping", point, method]:
            body = await request.body(session.limits.body, settings.body_seconds)
            return _reply(await session.ping(point, method, body, wait=settings.wait, headers=trace_headers(request)))
        case "POST", ["exec"]:
            return await _exec(request, session, settings)
        case "GET", ["kinds"]:
            return await _known(session, "Ext<Kinds>", None)
        case "GET", ["kinds", kind]:
            return await _known(session, "Ext<Kind>", {"kind": kind})
        case "GET", ["describe", point]:
            return await _known(session, "Ext<Describe>", {"point": Point.parse(point).text})
        case "GET", ["select"]:
            asked = _asked(request, "selector", "after")
            return json_answer(await select_page(session, asked["selector"] or "**", asked["after"], settings.wait))
        case "GET", ["explain"]:
            return await _explained(_asked(request, "agent", "point", "method"), session, settings)
        case "GET", ["figures"]:
            return await _known(session, "Ext<Figures>", None)
        case "GET", ["plan"]:
            return await _known(session, "Ext<Rebalance>", None)
    allowed = _methods(words)
    if allowed:
        return not_allowed(request.method, request.path, allowed)
    raise NotFound(f"no {request.path} in the API", hint=f"the API has {_ROUTES}")


def _methods(words: list[str]) -> tuple[str, ...]:
    """The methods that a path of the API accepts; none if there is no such path."""
    match words:
        case ["ping", _, _] | ["exec"]:
            return ("POST",)
        case ["kinds" | "select" | "explain" | "figures" | "plan"] | ["kinds" | "describe", _]:
            return ("GET", "HEAD")
    return ()


def _read(method: str) -> str:
    """The method. ``HEAD`` counts as ``GET``, but the body is not sent."""
    return "GET" if method == "HEAD" else method


async def _exec(request: HttpRequest, session: Session, settings: PortalSettings) -> HttpAnswer:
    body = await request.body(session.limits.body, settings.body_seconds)
    if not isinstance(body, str):
        raise BadRequest("send the commands as text", hint="content type text/plain: create localhost<Space>")
    return _reply(
        await session.ping(
            GLOBAL_EXECUTOR, "Cmd<RawCommand>", {"text": body}, wait=settings.wait, headers=trace_headers(request)
        )
    )


async def _explained(asked: Mapping[str, str], session: Session, settings: PortalSettings) -> HttpAnswer:
    """Explains why an agent may or may not do something."""
    if not asked["point"]:
        raise BadRequest("no particle is named", hint="GET /-/api/explain?point=localhost:hits&method=Ext<Add>")
    agent, point = Point.parse(asked["agent"] or session.agent.text), Point.parse(asked["point"])
    words = f"explain {agent.text} on {point.text} {asked['method']}".strip()
    pong = await ask_command(session, words, settings.wait)
    return json_answer(pong.body, pong.status)


async def _known(session: Session, method: str, body: Any) -> HttpAnswer:
    pong = await session.ping(MACHINE, method, body)
    return json_answer(pong.body, pong.status)


def _reply(pong: Pong) -> HttpAnswer:
    """A reply, with the outcome of its wave."""
    said = {"status": pong.status, "outcome": str(pong.outcome), "body": pong.body, "wave": pong.id, "star": pong.star}
    answer = json_answer(said, final_status(pong))
    later = retry_after(pong)
    if later:
        answer = answer.also(retry_after=later)
    return answer.also(www_authenticate="Bearer") if pong.status == 401 else answer


async def openapi_of(request: HttpRequest, session: Session) -> HttpAnswer:
    """The OpenAPI 3.1 description of the API, with the handlers of all Kinds, or of those that ``?kind=`` names."""
    wanted = [value for name, value in query_of(request) if name == "kind"]
    known = (await session.ping(MACHINE, "Ext<Kinds>")).unwrap()
    names = [each["kind"] for each in known if isinstance(each, Mapping)] if isinstance(known, list) else []
    details = []
    for name in wanted or names:
        found = (await session.ping(MACHINE, "Ext<Kind>", {"kind": name})).unwrap()
        if isinstance(found, Mapping) and found["handlers"]:
            details.append(found)
    return json_answer(description(details, request.prefix))


def _asked(request: HttpRequest, *names: str) -> dict[str, str]:
    """The value of each name in a query; empty if it is missing. Raises BadRequest for unknown and repeated names."""
    found: dict[str, str] = {}
    for name, value in query_of(request):
        if name not in names or name in found:
            what = "is given twice" if name in found else "is not a parameter"
            raise BadRequest(f"{name[:100]!r} {what}", hint=f"the query may have {', '.join(names)}, each once")
        found[name] = value
    return {name: found.get(name, "") for name in names}


def query_of(request: HttpRequest) -> list[tuple[str, str]]:
    """Splits the query into names and values."""
    return parse_qsl(request.query, keep_blank_values=True)
