"""A machine's dashboard in a real browser: who looks, and everything that a page must never do while somebody does."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from patience import PATIENCE, START

__all__ = ["AXE", "CHROMIUM", "Eyes", "Machines", "chromium", "playwright_is_there"]

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or ""
AXE: Final = Path(os.environ.get("HYPERVERSE_NPM", "/nowhere"), "node_modules", "axe-core", "axe.min.js")
_FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_RULES: Final = """async () => (await axe.run()).violations.map(
    v => `${v.id} (${v.impact}): ${v.nodes.map(n => n.html.slice(0, 160)).join(' | ')}`)"""


def playwright_is_there() -> bool:
    """Whether tests can drive a browser."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return False
    return True


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Eyes:
    """One who looks: a window with cookies of its own, whose requests and errors are noted down.

    Attributes:
        page: what is open.
        errors: of the console and of scripts.
        foreign: requests to another host.
        weight: bytes that have come, as they were sent.
    """

    def __init__(self, browser: Any, address: str) -> None:
        self.address = address
        self.context = browser.new_context(
            viewport={"width": 1440, "height": 900}, color_scheme="dark", reduced_motion="no-preference"
        )
        self.context.set_default_timeout(PATIENCE * 1000)
        self.page = self.context.new_page()
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self.weight = 0
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._asked)
        self.page.on("response", self._answered)

    def _asked(self, request: Any) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.address).netloc:
            self.foreign.append(request.url)

    def _answered(self, response: Any) -> None:
        self.weight += int(response.headers.get("content-length", 0))

    def go(self, path: str) -> None:
        """Opens a page of the dashboard."""
        self.page.goto(self.address + path)

    def log_in(self, token: str) -> None:
        """Logs in with the form."""
        self.go("")
        self.page.fill("#token", token)
        self.page.click("button.primary")
        self.page.wait_for_selector("nav")

    def sees(self, count: int, selector: str) -> None:
        """Waits until there are so many elements that match."""
        from playwright.sync_api import expect

        expect(self.page.locator(selector)).to_have_count(count, timeout=PATIENCE * 1000)

    def look(self, *, scheme: str = "dark", width: int = 1440) -> None:
        """Has the page shown light or dark, on a screen so wide."""
        self.page.emulate_media(color_scheme=scheme)
        self.page.set_viewport_size({"width": width, "height": 900})

    def violations(self) -> list[str]:
        """Of the rules of accessibility."""
        self.page.evaluate(AXE.read_text("utf-8"))
        found: list[str] = self.page.evaluate(_RULES)
        return found

    def picture(self, name: str) -> None:
        """Keeps a picture of the page, where ``HYPERVERSE_PICTURES`` names a folder for them."""
        folder = os.environ.get("HYPERVERSE_PICTURES")
        if folder:
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


class Machines:
    """Machines of one data directory, each a process; the first one has the portal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *options: str) -> dict[str, Any]:
        """Starts one, and returns what it says when it is ready."""
        words = [sys.executable, "-m", "hyperverse_core.cli", "up", "--json", "--name", name, *options]
        words += ["--data-dir", str(self.data_dir), "--config", str(self.folder / "hyperverse.toml")]
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL)
        self.running[name] = process
        assert process.stdout is not None
        end, line = time.monotonic() + START, b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([process.stdout], [], [], max(0.0, end - time.monotonic()))
            news = os.read(process.stdout.fileno(), 1 << 20) if ready else b""
            assert news, (self.folder / f"{name}.log").read_text()[-2000:]
            line += news
        said: dict[str, Any] = json.loads(line)
        return said

    def kill(self, name: str) -> None:
        """Ends one with SIGKILL."""
        process = self.running.pop(name)
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()

    def end(self) -> None:
        """Ends all."""
        for name in tuple(self.running):
            self.kill(name)
