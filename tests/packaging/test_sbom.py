"""The list of what a release is made of names everything that runs, with version and licence."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement

REPOSITORY = Path(__file__).parents[2]


def test_the_list_has_every_dependency_with_its_licence() -> None:
    script = REPOSITORY / ".ci" / "sbom.py"
    done = subprocess.run([sys.executable, "-P", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.5")
    assert document["metadata"]["component"]["name"] == "cosmic-hyperverse"
    parts = {part["name"].lower().replace("_", "-"): part for part in document["components"]}
    needed = [one for one in map(Requirement, requires("cosmic-hyperverse") or ()) if one.marker is None]
    assert len(needed) > 5
    for one in needed:
        assert one.name.lower().replace("_", "-") in parts
    assert {"libzmq", "libsodium", "mdurl"} <= set(parts), "what dependencies bring along is there, too"
    assert [name for name, part in parts.items() if not part.get("licenses")] == []
    refs = {part["bom-ref"] for part in [*document["components"], document["metadata"]["component"]]}
    assert all({one["ref"], *one["dependsOn"]} <= refs for one in document["dependencies"])
    assert "pytest" not in parts
