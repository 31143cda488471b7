"""The locks with hashes, of the container and of CI, have what the project needs in versions that it allows."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[2]
_PIN = re.compile(
    r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)(?: ;[^\\]*)?((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE
)


@pytest.mark.parametrize(
    ("lock", "extras"),
    [("runtime.lock", ("speed",)), ("ci.lock", ("speed", "portal", "wasm", "test", "dev"))],
)
def test_it_pins_every_dependency_to_a_version_that_is_allowed_and_to_hashes(
    lock: str, extras: tuple[str, ...]
) -> None:
    text = (REPOSITORY / ".ci" / lock).read_text("utf-8")
    pinned = {canonicalize_name(name): version for name, version, _ in _PIN.findall(text)}
    entries = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(pinned) == len(entries), "an entry has no hash"
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [one for extra in extras for one in project["optional-dependencies"][extra]]
    for one in map(Requirement, [*project["dependencies"], *wanted]):
        if one.name == project["name"]:
            continue
        version = pinned.get(canonicalize_name(one.name))
        assert version is not None, f"{one.name} is missing: renew the lock, see RELEASING.md"
        assert one.specifier.contains(version), f"{one.name} {version} is not allowed: renew the lock, see RELEASING.md"


def test_the_container_is_made_from_it() -> None:
    made = (REPOSITORY / "contrib/hyperverse-shop/deploy/Containerfile").read_text("utf-8")
    assert "--require-hashes -r /src/.ci/runtime.lock" in made
