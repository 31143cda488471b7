"""What every policy must do, in both modes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hyperverse_cedar.policy import CedarPolicy

from hyperverse_core.policy import SecurityPolicy
from hyperverse_core.testing import PolicyConformance

_OPEN = """
@id("whatever the grants allow")
permit (principal, action, resource);

@id("closed")
forbid (principal, action, resource)
when { resource has properties && resource.properties has closed && resource.properties.closed == "yes" };

@id("no visitors on that path")
forbid (principal == Particle::"localhost:users:visitor", action == Action::"Http<Get>", resource)
when { context.path like "/admin*" && resource.parent.owner == principal.owner };
"""
_OWNERS = """
@id("owners")
permit (principal, action, resource) when { resource has owner && resource.owner == principal };
"""


class _Kit(PolicyConformance):
    mode = ""
    text = ""

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self.file = tmp_path / "rules.cedar"
        self.file.write_text(self.text, "utf-8")

    def make(self) -> SecurityPolicy:
        return CedarPolicy({"policies": str(self.file), "mode": self.mode})


class TestThatItNarrows(_Kit):
    mode = "narrow"
    text = _OPEN


class TestThatItReplaces(_Kit):
    mode = "replace"
    text = _OWNERS
    reads_grants = False


del _Kit  # it is a part of the two, and no test
