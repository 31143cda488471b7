"""Specifics: the products behind Kinds, and patterns of them. docs/reference/kinds.md#specifics."""

from __future__ import annotations

import re

import attrs

from ..text import lexis
from ..text.lexis import fail
from ..text.version import Version, VersionReq, scan_version, scan_version_req

__all__ = ["ANY", "Specific", "SpecificSelector", "scan_specific", "scan_specific_selector"]

ANY = "*"
"""The pattern that matches every name."""

_PARTS = (
    ("provider", lexis.DOMAIN, "a domain"),
    ("vendor", lexis.DOMAIN, "a domain"),
    ("product", lexis.SKEWER, "a lower-case name"),
    ("variant", lexis.SKEWER, "a lower-case name"),
)
_BLANKS = re.compile(r"[ \t]*+")


@attrs.frozen
class Specific:
    """A product: ``provider:vendor:product:variant:version``.

    Attributes:
        provider: domain of the place where it is offered, such as ``mechtronhub.io``.
        vendor: domain of its maker, such as ``postgres.org``.
        product: its name, such as ``postgres``.
        variant: its edition, such as ``gis``.
        version: its version, such as ``8.0.0``.
    """

    provider: str
    vendor: str
    product: str
    variant: str
    version: Version

    @classmethod
    def parse(cls, text: str) -> Specific:
        """Reads ``text`` as a specific. Raises ParseError."""
        specific, end = scan_specific(text, 0)
        if end < len(text):
            fail(text, end, "the end of the specific")
        return specific

    def __str__(self) -> str:
        return f"{self.provider}:{self.vendor}:{self.product}:{self.variant}:{self.version}"


def scan_specific(text: str, pos: int) -> tuple[Specific, int]:
    """Reads the specific at ``pos``; returns it and the offset after it. Raises ParseError."""
    names, at = _scan_names(text, pos, patterns=False)
    version, end = scan_version(text, at)
    return Specific(*names, version), end


@attrs.frozen
class SpecificSelector:
    """A pattern of products, written ``mechtronhub.io:postgres.org:postgres:*:(^8)``.

    Attributes:
        provider, vendor, product, variant: a name, or ``*`` for any.
        version: the requirement that the version satisfies.
    """

    provider: str
    vendor: str
    product: str
    variant: str
    version: VersionReq

    @classmethod
    def parse(cls, text: str) -> SpecificSelector:
        """Reads ``text`` as a specific selector. Raises ParseError."""
        selector, end = scan_specific_selector(text, 0)
        if end < len(text):
            fail(text, end, "the end of the specific selector")
        return selector

    def matches(self, specific: Specific) -> bool:
        """Whether all five parts of ``specific`` match."""
        return (
            self.provider in (ANY, specific.provider)
            and self.vendor in (ANY, specific.vendor)
            and self.product in (ANY, specific.product)
            and self.variant in (ANY, specific.variant)
            and self.version.matches(specific.version)
        )

    @property
    def exact(self) -> Specific | None:
        """The only product that it names, if no name is ``*`` and the version is complete; None otherwise."""
        names = (self.provider, self.vendor, self.product, self.variant)
        only = self.version.comparators[0]
        if ANY in names or len(self.version.comparators) > 1 or only.op not in ("=", "^"):
            return None
        if only.minor is None or only.patch is None:
            return None
        return Specific(*names, Version(only.major, only.minor, only.patch, only.pre))

    def __str__(self) -> str:
        return f"{self.provider}:{self.vendor}:{self.product}:{self.variant}:({self.version})"


def scan_specific_selector(text: str, pos: int) -> tuple[SpecificSelector, int]:
    """Reads the specific selector at ``pos``; returns it and the offset after it. Raises ParseError."""
    names, at = _scan_names(text, pos, patterns=True)
    if not text.startswith("(", at):
        fail(text, at, "'('", hint="put a version requirement in parentheses: (^1)")
    requirement, end = scan_parenthesised_req(text, at)
    return SpecificSelector(*names, requirement), end


def scan_parenthesised_req(text: str, pos: int) -> tuple[VersionReq, int]:
    """Reads the requirement in the parentheses that open at ``pos``; returns it and the offset after them.

    Raises ParseError.
    """
    requirement, at = scan_version_req(text, _behind_blanks(text, pos + 1))
    at = _behind_blanks(text, at)
    if not text.startswith(")", at):
        fail(text, at, "')'", "another comparator")
    return requirement, at + 1


def _behind_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found is not None else at


def _scan_names(text: str, at: int, *, patterns: bool) -> tuple[tuple[str, str, str, str], int]:
    names: list[str] = []
    for part, pattern, looks in _PARTS:
        if patterns and text.startswith(ANY, at):
            names.append(ANY)
            at += 1
        else:
            found = pattern.match(text, at)
            if found is None:
                fail(text, at, f"{looks} as {part}", *(("'*'",) if patterns else ()))
            names.append(found.group())
            at = found.end()
        if not text.startswith(":", at):
            fail(text, at, f"':' after the {part}")
        at += 1
    provider, vendor, product, variant = names
    return (provider, vendor, product, variant), at
