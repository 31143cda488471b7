"""The documentation as a site: every page is in it, it can be searched, and it needs no other host."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs.pages import REPOSITORY

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(
        importlib.util.find_spec("zensical") is None, reason="the site is built by zensical: pip install '.[dev]'"
    ),
]
_LOADED = re.compile(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?(https?:)?//|<link\b[^>]*\bhref=[\"']?https?://")
_CANONICAL = re.compile(r"<link\b[^>]*rel=[\"']?canonical[^>]*>")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "built"
    script = REPOSITORY / "docs" / "site" / "build.py"
    done = subprocess.run([sys.executable, str(script), str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_in_it(site: Path) -> None:
    docs = REPOSITORY / "docs"
    pages = [page.relative_to(docs).with_suffix(".html") for page in docs.rglob("*.md")]
    missing = [str(page) for page in pages if not (site / page).is_file()]
    assert missing == []
    model = (site / "explanation" / "model.html").read_text("utf-8")
    assert "<h1" in model and "model.md" not in model, "links lead to pages of the site"


def test_blocks_are_blocks(site: Path) -> None:
    """The words behind the language of a block are for its test, and hide nothing from a reader."""
    access = (site / "reference" / "access.html").read_text("utf-8")
    assert 'id="scopes"' in access and "&lt;Mechtron&gt;" in access and "AccessGrant</" not in access
    driver = (site / "how-to" / "hold-resources.html").read_text("utf-8")
    assert "file=" not in driver and "```" not in driver


def test_it_can_be_searched(site: Path) -> None:
    found = json.loads((site / "search.json").read_text("utf-8"))
    assert "Placement" in json.dumps(found)


def test_it_loads_nothing_from_other_hosts(site: Path) -> None:
    foreign = {
        str(page.relative_to(site)): found.group()
        for page in site.rglob("*.html")
        if (found := _LOADED.search(_CANONICAL.sub("", page.read_text("utf-8"))))
    }
    assert foreign == {}
    styles = [style.read_text("utf-8") for style in site.rglob("*.css")]
    assert styles and not any(re.search(r"url\([\"']?(?:https?:)?//", style) for style in styles)
