"""One word for one thing: no two public classes of the project have one name."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def test_no_two_classes_have_one_name() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for folder in ("hyperverse_core", "plugins", "contrib/*/hyperverse_*"):
        for file in sorted(REPOSITORY.glob(f"{folder}/**/*.py")):
            for node in ast.parse(file.read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    homes[node.name].append(str(file.relative_to(REPOSITORY)))
    assert len(homes) > 300
    assert {name: files for name, files in homes.items() if len(files) > 1} == {}
