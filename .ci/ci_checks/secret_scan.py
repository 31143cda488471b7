"""Looks for passwords, keys and tokens in the repository, with ``detect-secrets``. Run where that is installed:

    python secret_scan.py

It prints what was found and ends with 1. A line that only looks like a secret ends with a comment
``# pragma: allowlist secret`` and the reason.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

__all__ = ["found"]

REPOSITORY = Path(__file__).parents[2]
_SHIPPED = ("hyperverse_core", "plugins", "contrib", "docs", ".ci", "pyproject.toml", "README.md")
_GUESSES = (
    "KeywordDetector",
    "HexHighEntropyString",
    "Base64HighEntropyString",
    "BasicAuthDetector",
    "IPPublicDetector",
)
"""Detectors that go by what a text looks like. They are not used in tests, which have made-up passwords
everywhere, and in the changelog."""


def found(*places: str, without: tuple[str, ...] = (), root: Path = REPOSITORY, tracked: bool = True) -> list[str]:
    """What looks like a secret in files and folders of ``root``, each as ``FILE:LINE: WHAT``.

    Args:
        without: names of detectors to leave out.
        tracked: whether to look only at files that git knows.
    """
    scan = [str(Path(sys.executable).with_name("detect-secrets")), "scan", *([] if tracked else ["--all-files"])]
    options = [word for name in without for word in ("--disable-plugin", name)]
    there = [place for place in places if (root / place).exists()]
    done = subprocess.run([*scan, *options, *there], cwd=root, capture_output=True, text=True, check=True)
    results = json.loads(done.stdout)["results"]
    return [f"{file}:{one['line_number']}: {one['type']}" for file, all_ in sorted(results.items()) for one in all_]


def main() -> int:
    """The exit code."""
    lines = [*found(*_SHIPPED), *found("tests", "changelog.d", without=_GUESSES)]
    print("\n".join(lines) if lines else "nothing looks like a secret")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
