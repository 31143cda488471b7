"""The list of what a release is made of (SBOM), in the format CycloneDX 1.5. Run where the wheel is installed:

    python .ci/sbom.py > dist/cosmic_hyperverse-0.2.0.cdx.json

It has the distribution itself, what it needs to run, with version and licence, and the libraries in C that the wheels
of these carry.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

__all__ = ["sbom"]

OURS = "cosmic-hyperverse"


def sbom() -> dict[str, Any]:
    """The document. Raises PackageNotFoundError when the distribution is not installed here."""
    ours = distribution(OURS)
    parts = dict(sorted(_needed(ours).items()))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "application", **_described(ours)}},
        "components": [*({"type": "library", **_described(part)} for part in parts.values()), *_in_wheels(parts)],
        "dependencies": [
            {"ref": _ref(one), "dependsOn": sorted(_ref(parts[name]) for name in _names(one) if name in parts)}
            for one in (ours, *parts.values())
        ],
    }


def _needed(ours: Distribution) -> dict[str, Distribution]:
    """What a distribution needs to run here, without its extras, by its canonical name."""
    needed: dict[str, Distribution] = {}
    todo = list(_names(ours))
    while todo:
        name = todo.pop()
        if name in needed:
            continue
        try:
            needed[name] = distribution(name)
        except PackageNotFoundError:  # an optional one that a marker has let through
            continue
        todo += _names(needed[name])
    return needed


def _names(one: Distribution) -> Iterator[str]:
    for text in one.requires or ():
        requirement = Requirement(text)
        extras = ("asyncio", "") if one.name != OURS else ("",)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in extras):
            yield canonicalize_name(requirement.name)


def _described(one: Distribution) -> dict[str, Any]:
    licence = _licence(one)
    return {
        "bom-ref": _ref(one),
        "name": one.name,
        "version": one.version,
        "purl": _ref(one),
        **({"licenses": [{"license": {"name": licence}}]} if licence else {}),
    }


def _licence(one: Distribution) -> str:
    """The licence that a distribution says it has: its expression, else its classifiers, else its short text."""
    metadata = one.metadata
    expression = metadata.get("License-Expression", "")
    classes = [text.rpartition(" :: ")[2] for text in metadata.get_all("Classifier", []) if text.startswith("License")]
    text = metadata.get("License", "")
    return expression or ", ".join(classes) or (text if len(text) < 80 else "")


def _ref(one: Distribution) -> str:
    return f"pkg:pypi/{canonicalize_name(one.name)}@{one.version}"


def _in_wheels(parts: dict[str, Distribution]) -> Iterator[dict[str, Any]]:
    """The libraries in C that wheels bring along. Their licences are in the wheels, too."""
    if "pyzmq" not in parts:
        return
    import zmq

    yield _library("libzmq", zmq.zmq_version(), "MPL-2.0", "pyzmq")
    if zmq.has("curve"):
        yield _library("libsodium", "", "ISC", "pyzmq")


def _library(name: str, version: str, licence: str, carrier: str) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": f"{carrier}/{name}",
        "name": name,
        **({"version": version} if version else {}),
        "licenses": [{"license": {"id": licence}}],
        "description": f"in the wheels of {carrier}",
    }


if __name__ == "__main__":
    json.dump(sbom(), sys.stdout, indent=1)
    print()
