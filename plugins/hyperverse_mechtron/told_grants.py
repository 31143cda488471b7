"""What the document of a Mechtron grants, as lines for people."""

from __future__ import annotations

from .document import Document
from .host.limits import MIB

__all__ = ["told_grants"]


def told_grants(config: str, document: Document) -> list[str]:
    """Returns one line for each thing that a guest may use, and for each that it may not.

    Args:
        config: point of the document.
    """
    grants, limits = document.grants, document.limits
    lines = [f"module: {document.bin}, as {config} says"]
    lines += [
        f"folder: {each.host} as {each.guest}, {'to read and write' if each.write else 'to read'}"
        for each in grants.folders
    ] or ["folders: none"]
    lines += [f"environment: {name}={value}" for name, value in grants.environment.items()] or ["environment: none"]
    lines += [f"argument: {each}" for each in grants.arguments]
    if document.request == "environment":
        lines.append("environment: HV_METHOD, HV_PATH, HV_POINT, HV_AGENT, HV_HEADER_..., of each wave")
    lines += [
        "clock: the platform's, in place of WASI's",
        "random numbers: the platform's, in place of WASI's",
        "network: none",
    ]
    fuel = "" if limits.fuel is None else f", {limits.fuel} instructions"
    return [*lines, f"limits: {limits.seconds:g} s for a call, {limits.memory // MIB} MiB of memory{fuel}"]
