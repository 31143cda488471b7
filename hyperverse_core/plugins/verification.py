"""Verification: imports everything that plugins have registered by import path, which otherwise happens at the first
use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import BadRequest, HyperverseError
from .class_checks.factories import CONTRACTS, check_callable, factory_mistakes
from .class_checks.mistake import refusal
from .loading import PluginInfo
from .offers import CORE, Offer, check_command, load_factory

__all__ = ["check_factory", "verify"]


def check_factory(offer: Offer, factory: Any) -> None:
    """Raises a BadRequest that lists what is wrong with an imported factory."""
    if not callable(factory):
        raise BadRequest(f"the factory of the {offer.thing} {offer.name!r} is {factory!r}, which cannot be called")
    mistakes = list(factory_mistakes(offer.thing, factory))
    if mistakes:
        raise refusal(mistakes)
    if offer.thing in CONTRACTS and not isinstance(factory, type):
        check_callable(offer.thing, offer.name, factory)


def verify(plugins: Mapping[str, PluginInfo], offers: Iterable[Offer]) -> dict[str, list[HyperverseError]]:
    """Imports what each plugin has registered, and checks it.

    Returns:
        The errors by name of the plugin. A plugin that is unavailable is skipped: its reason says what it needs.
    """
    found: dict[str, list[HyperverseError]] = {}
    for offer in offers:
        if offer.plugin == CORE or plugins[offer.plugin].state != "ok":
            continue
        if offer.thing not in CONTRACTS and offer.thing != "command":
            continue
        try:
            factory = load_factory(offer, plugins[offer.plugin].distribution)
            if offer.thing in CONTRACTS:
                check_factory(offer, factory)
            else:
                check_command(offer.name, factory)
        except HyperverseError as exc:
            found.setdefault(offer.plugin, []).append(exc)
    return found
