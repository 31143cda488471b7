"""Renders the documentation as a site with search: ``python docs/site/build.py FOLDER``.

The site is whole in itself: it loads nothing from other hosts, so it can be read without a network. It needs
`zensical`, which is in the extra `dev`. It ends with 1 when a link of a page leads nowhere.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["build"]

_REPOSITORY = Path(__file__).parents[2]
_BESIDE = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "RELEASING.md",
    "SECURITY.md",
    "changelog.d/README.md",
    "contrib/hyperverse-cedar/README.md",
    "contrib/hyperverse-otel/README.md",
    "contrib/hyperverse-shop/README.md",
)
"""Pages beside the documentation that its pages link to."""
_FENCE = re.compile(r"^( *)```(\w+) [^\n]+$", re.MULTILINE)
_UPWARD = re.compile(r"\]\((?:\.\./)+((?:" + "|".join(map(re.escape, _BESIDE)) + r")[^)]*)\)")
_DOWNWARD = re.compile(r"\]\(((?:\.\./)*)docs/")


def build(folder: Path) -> None:
    """Writes the site.

    Args:
        folder: where to; it is made anew.

    Raises:
        RuntimeError: the site cannot be built; the text is what zensical printed.
    """
    with tempfile.TemporaryDirectory(prefix="hyperverse-site-") as name:
        work = Path(name)
        _copy_pages(work / "pages")
        shutil.copy(Path(__file__).with_name("zensical.toml"), work)
        command = [sys.executable, "-m", "zensical", "build", "--strict"]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stdout + done.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(work / "site", folder)


def _copy_pages(pages: Path) -> None:
    for page in sorted((_REPOSITORY / "docs").rglob("*.md")):
        at = page.relative_to(_REPOSITORY / "docs")
        up = "../" * (len(at.parts) - 1)
        _write(pages / at, _UPWARD.sub(rf"]({up}\1)", page.read_text("utf-8")))
    for beside in _BESIDE:
        _write(pages / beside, _DOWNWARD.sub(r"](\1", (_REPOSITORY / beside).read_text("utf-8")))


def _write(target: Path, text: str) -> None:
    # Behind the language of a block stands how the block is tested.
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(_FENCE.sub(r"\1```\2", text), "utf-8")


def main() -> int:
    """Reads the command line; returns the exit code."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path, metavar="FOLDER")
    folder = arguments.parse_args().folder
    try:
        build(folder)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{folder}: open index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
