"""Routes: which page belongs to a path of the dashboard."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs, quote

from hyperverse_core.errors import HyperverseError
from hyperverse_core.gateway import Session

from ..answer import HttpAnswer
from ..api import query_of
from ..request import HttpRequest
from ..settings import PortalSettings
from .access import act_on_access, show_access
from .balance import act_on_balance, show_balance
from .kinds import KindsPage
from .log import show_log
from .looks import Looks
from .machines import MachinesPage
from .overview import Overview
from .particle import OneParticle
from .particles import show_particles
from .questions import Failed, Questions
from .rendering import answer_html, page, static_file
from .try_page import TryPage
from .waves import is_noted, show_waves

__all__ = ["Dashboard"]

_NAMES: Final = ("particles", "particle", "waves", "log", "access", "balance", "kinds", "machines", "try")
_PAGES: Final = frozenset({"/-/", *(f"/-/{name}" for name in _NAMES)})
_FORMS: Final = frozenset(f"/-/{name}" for name in ("particle", "machines", "balance", "try", "kinds", "access"))
_FORM: Final = 256 * 1024
"""The largest form, in bytes."""


class Dashboard:
    """Answers requests with pages.

    Args:
        settings: settings of the gateway.
    """

    def __init__(self, settings: PortalSettings) -> None:
        self._settings = settings
        looks = Looks()
        self._overview = Overview(looks)
        self._particle = OneParticle(looks)
        self._machines = MachinesPage(looks)
        self._kinds = KindsPage(looks)
        self._try = TryPage(settings.wait)

    @staticmethod
    def methods(path: str) -> tuple[str, ...]:
        """The methods that the page at a path accepts; none if there is no such page."""
        if path in _FORMS:
            return ("GET", "HEAD", "POST")
        return ("GET", "HEAD") if path in _PAGES else ()

    @staticmethod
    def static(request: HttpRequest) -> HttpAnswer:
        """A file that pages load. Raises NotFound."""
        return static_file(request.path.rpartition("/")[2], request)

    @staticmethod
    def login(
        request: HttpRequest, wrong: HyperverseError | None = None, code: str = "", provider: str = ""
    ) -> HttpAnswer:
        """Returns the login page.

        Args:
            request: the request to answer.
            wrong: why the last attempt failed.
            code: the code of a one-time link.
            provider: name of the OpenID provider; empty if there is none.
        """
        failed = None if wrong is None else Failed(wrong)
        html = page("login.html", failed=failed, code=code, provider=provider)
        return answer_html(html, request, 200 if wrong is None else wrong.status)

    def failure(self, request: HttpRequest, error: HyperverseError, agent: str = "") -> HttpAnswer:
        """Returns the page that reports an error."""
        html = page("failure.html", at="", agent=agent, failed=Failed(error))
        return answer_html(html, request, error.status)

    async def answer(self, request: HttpRequest, session: Session) -> HttpAnswer:
        """Returns the page that a request names. Raises HyperverseError."""
        asking = Questions(session, self._settings.wait, again=bool(request.header("hyperverse-refresh")))
        query = dict(query_of(request))
        if request.method == "POST":
            raw = await request.raw_body(_FORM, self._settings.body_seconds)
            parsed = parse_qs(raw.decode("utf-8", "replace"), keep_blank_values=True)
            form = {name: values[-1] for name, values in parsed.items()}
            if request.path == "/-/machines":
                return answer_html(await self._machines.act(form, asking), request)
            if request.path == "/-/balance":
                return answer_html(await act_on_balance(form, asking), request)
            if request.path == "/-/try":
                return answer_html(await self._try.show(request.portal, query, asking, form), request)
            if request.path == "/-/kinds":
                return answer_html(await self._kinds.act(form, asking), request)
            if request.path == "/-/access":
                return answer_html(await act_on_access(form, asking), request)
            return answer_html(*_with(request, await self._particle.show(query, asking, form)))
        match request.path:
            case "/-/":
                return answer_html(await self._overview.show(asking, query.get("point", "").strip()), request)
            case "/-/particles":
                word = query.get("q", "").strip()
                if word and await is_noted(word, asking):
                    return HttpAnswer(303, b"", ((b"location", f"waves?id={quote(word, safe='')}".encode()),))
                return answer_html(await show_particles(query, asking), request)
            case "/-/particle":
                return answer_html(*_with(request, await self._particle.show(query, asking)))
            case "/-/waves":
                return answer_html(await show_waves(query, asking), request)
            case "/-/log":
                return answer_html(await show_log(query, asking), request)
            case "/-/balance":
                return answer_html(await show_balance(asking), request)
            case "/-/kinds":
                return answer_html(await self._kinds.show(query.get("kind", ""), asking), request)
            case "/-/machines":
                return answer_html(await self._machines.show(asking), request)
            case "/-/try":
                return answer_html(await self._try.show(request.portal, query, asking), request)
        return answer_html(await show_access(query, asking), request)


def _with(request: HttpRequest, made: tuple[str, int]) -> tuple[str, HttpRequest, int]:
    return made[0], request, made[1]
