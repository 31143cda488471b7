"""The lowest versions that the project says it works with, as constraints for pip.

    python lowest.py pyproject.toml > constraints.txt

Runs where ``packaging`` is installed.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

__all__ = ["constraints"]


def constraints(pyproject: str) -> list[str]:
    """One line for each requirement of the project and its extras.

    Raises:
        ValueError: a requirement has no lower bound.
    """
    project = tomllib.loads(pyproject)["project"]
    groups = (project["dependencies"], *project["optional-dependencies"].values())
    lines = []
    for requirement in (Requirement(text) for texts in groups for text in texts):
        if requirement.name == project["name"]:
            continue
        lowest = [part.version for part in requirement.specifier if part.operator in (">=", "==", "~=")]
        if not lowest:
            raise ValueError(f"{requirement} has no lower bound, so nobody knows whether it works with an old version")
        marker = f"; {requirement.marker}" if requirement.marker else ""
        lines.append(f"{requirement.name}=={lowest[0]}{marker}")
    return list(dict.fromkeys(lines))


if __name__ == "__main__":
    print("\n".join(constraints(Path(sys.argv[1]).read_text("utf-8"))))
