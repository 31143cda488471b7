"""A real browser logs in at a provider on another site, and tries the API; by keyboard, and to the rules."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from no_skips import NO_BROWSER
from patience import PATIENCE
from portal.bookshop import bookshop
from portal.browser import AXE, CHROMIUM, Eyes, chromium, playwright_is_there
from portal.provider import CLIENT, SECRET, provider

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(not (CHROMIUM and AXE.is_file() and playwright_is_there()), reason=NO_BROWSER),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # of playwright's own pipes
]
LOOKS = (("dark", 1440), ("light", 1440), ("dark", 390))


def visit(address: str, issuer: str) -> dict[str, list[str]]:
    """Looks, and returns what is wrong."""
    found: dict[str, list[str]] = {}
    with chromium() as browser:
        eyes = Eyes(browser, address)

        def judge(name: str) -> None:
            for scheme, width in LOOKS:
                eyes.look(scheme=scheme, width=width)
                eyes.picture(f"{name}-{scheme}-{width}")
                wrong = eyes.violations()
                wide = eyes.page.evaluate("document.documentElement.scrollWidth")
                found[f"{name} {scheme} {width}"] = wrong + ([f"it is {wide} wide"] if wide > width else [])
            eyes.look()

        eyes.go("")
        judge("log-in")
        comes_in(eyes)
        cookies = {cookie["name"]: cookie["sameSite"] for cookie in eyes.context.cookies()}
        found["cookies"] = [] if cookies == {"hyperverse_session": "Strict"} else [str(cookies)]
        tries(eyes)
        judge("try")
        there = [url for url in eyes.foreign if not url.startswith(f"{issuer}/authorize?")]
        found["elsewhere"], found["errors"] = there, eyes.errors
        eyes.context.close()
    return found


def comes_in(eyes: Eyes) -> None:
    """By the button of the provider, which waits for a click on its own page."""
    eyes.page.keyboard.press("Tab")
    eyes.page.keyboard.press("Enter")
    eyes.page.wait_for_selector("#go-back")
    eyes.page.click("#go-back")
    eyes.page.wait_for_selector("nav")
    assert eyes.page.url == eyes.address, "no code is in the address that stays"
    assert eyes.page.inner_text(".agent") == "ann"


def tries(eyes: Eyes) -> None:
    """With the keyboard alone."""
    eyes.go("try?kind=Shelf")
    eyes.page.focus("#point")
    eyes.page.keyboard.type("localhost:books")
    eyes.page.keyboard.press("Enter")
    eyes.page.wait_for_selector(".methods a")
    eyes.page.focus(".methods a:has-text('Ext<Put>')")
    eyes.page.keyboard.press("Enter")
    eyes.page.wait_for_selector("[name='arg.title']")
    eyes.page.focus("[name='arg.title']")
    eyes.page.keyboard.type("Emma")
    eyes.page.keyboard.press("Enter")
    eyes.page.wait_for_selector("#reply")
    said = eyes.page.inner_text("#reply")
    assert '"status": 200' in said and "curl -X POST" in said


async def test_a_browser_comes_in_by_a_provider_and_tries_the_api(tmp_path: Path) -> None:
    async with provider("localhost") as idp:  # another site than 127.0.0.1, as browsers see it
        idp.waits = True
        oidc: dict[str, Any] = {"issuer": idp.issuer, "client_id": CLIENT, "client_secret": SECRET}
        async with bookshop(tmp_path, oidc=oidc, head_seconds=PATIENCE) as world:
            client = world.machine.client()
            await client.exec("create hyperspace:users:ann<User>")
            await client.exec("grant perm +csd-RwX on localhost:books to hyperspace:users:ann")
            await client.exec("grant perm +csd-rwX on GLOBAL::machine to hyperspace:users:ann")
            found = await asyncio.to_thread(visit, world.address, idp.issuer)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
