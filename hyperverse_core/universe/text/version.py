"""Versions and version requirements: docs/reference/kinds.md#versions.

The order of versions is that of Semantic Versioning; requirements follow the rules of Cargo.
"""

from __future__ import annotations

import re
from functools import lru_cache, total_ordering

import attrs

from ...errors import ParseError
from .lexis import fail

__all__ = ["Comparator", "Version", "VersionReq", "scan_version", "scan_version_req"]

_LIMIT = 2**64 - 1
_VERSION = re.compile(r"([0-9]++)\.([0-9]++)\.([0-9]++)(?:-([a-z0-9-]++))?+")
_PARTIAL = re.compile(r"([0-9]++|\*)(?:\.([0-9]++|\*))?+(?:\.([0-9]++|\*))?+(?:-([a-z0-9-]++))?+")
_OP = re.compile(r"(>=|<=|>|<|=|\^|~)?+[ \t]*+")
_BETWEEN = re.compile(r"[ \t]*+,[ \t]*+|[ \t]++")
_BLANKS = re.compile(r"[ \t]*+")
_MANY = 32


@total_ordering
@attrs.frozen(order=False)
class Version:
    """A version, ``major.minor.patch`` or ``major.minor.patch-pre``. Versions are ordered by the rules of Semantic
    Versioning.

    Attributes:
        major, minor, patch: numbers from 0 to 18446744073709551615.
        pre: the pre-release, of lower-case letters, digits and ``-``; empty for a release.
    """

    major: int
    minor: int
    patch: int
    pre: str = ""

    @classmethod
    def parse(cls, text: str) -> Version:
        """Reads ``text`` as a version. Raises ParseError."""
        version, end = scan_version(text, 0)
        if end < len(text):
            fail(text, end, "the end of the version")
        return version

    def __str__(self) -> str:
        number = f"{self.major}.{self.minor}.{self.patch}"
        return f"{number}-{self.pre}" if self.pre else number

    @property
    def _key(self) -> tuple[int, int, int, tuple[int, int, str]]:
        return self.major, self.minor, self.patch, _pre_key(self.pre)

    def __lt__(self, other: Version) -> bool:
        return self._key < other._key


def _pre_key(pre: str) -> tuple[int, int, str]:
    """Returns a key that sorts a pre-release before its release, and numeric ones before others and by value.

    Numbers have no leading zeros, so the longer text is the larger number.
    """
    if not pre:
        return (2, 0, "")
    return (0, len(pre), pre) if pre.isdigit() else (1, 0, pre)


def scan_version(text: str, pos: int) -> tuple[Version, int]:
    """Reads the version at ``pos``; returns it and the offset after it. Raises ParseError."""
    found = _VERSION.match(text, pos)
    if found is None:
        fail(text, pos, "a version such as 1.0.0", hint="a version has three numbers")
    major, minor, patch = (_number(text, found, group) for group in (1, 2, 3))
    return Version(major, minor, patch, _pre(text, found)), found.end()


def _number(text: str, found: re.Match[str], group: int) -> int:
    digits = found.group(group)
    if len(digits) > 1 and digits[0] == "0":
        fail(text, found.start(group), "a number without leading zeros")
    if len(digits) > 20 or int(digits) > _LIMIT:
        fail(text, found.start(group), f"a number of at most {_LIMIT}")
    return int(digits)


def _pre(text: str, found: re.Match[str]) -> str:
    pre: str = found.group(4) or ""
    if pre.isdigit() and len(pre) > 1 and pre[0] == "0":
        fail(text, found.start(4), "a pre-release number without leading zeros")
    return pre


@attrs.frozen
class Comparator:
    """One condition of a requirement: an operator and a version that may lack its last numbers (``^1``, ``=1.2``).

    Attributes:
        op: one of ``= > >= < <= ~ ^``.
        major, minor, patch: the numbers; None stands for any number.
        pre: the pre-release; empty for none.
    """

    op: str
    major: int
    minor: int | None = None
    patch: int | None = None
    pre: str = ""

    def __str__(self) -> str:
        numbers = [str(n) for n in (self.major, self.minor, self.patch) if n is not None]
        return f"{self.op}{'.'.join(numbers)}" + (f"-{self.pre}" if self.pre else "")

    def matches(self, version: Version) -> bool:
        """Whether ``version`` satisfies this condition. A pre-release is compared by its order only."""
        match self.op:
            case "=":
                return self._same(version)
            case ">":
                return not self._same(version) and self._floor() < version
            case ">=":
                return self._same(version) or self._floor() < version
            case "<":
                return version < self._floor()
            case "<=":
                return self._same(version) or version < self._floor()
            case "~":
                return self._floor() <= version and self._tilde(version)
            case _:
                return self._floor() <= version and self._caret(version)

    def _floor(self) -> Version:
        return Version(self.major, self.minor or 0, self.patch or 0, self.pre)

    def _same(self, version: Version) -> bool:
        if self.patch is not None:
            return version == self._floor()
        return self.major == version.major and self.minor in (None, version.minor)

    def _tilde(self, version: Version) -> bool:
        return self.major == version.major and self.minor in (None, version.minor)

    def _caret(self, version: Version) -> bool:
        """Whether the leftmost number that is not zero is the same. A missing number may be any."""
        if self.major != version.major or self.minor is None:
            return self.major == version.major
        if self.major > 0:
            return True
        if self.minor != version.minor or self.patch is None:
            return self.minor == version.minor
        return self.minor > 0 or self.patch == version.patch


@attrs.frozen
class VersionReq:
    """A version requirement. A version satisfies it if it satisfies every comparator.

    A pre-release satisfies it only if a comparator names a pre-release of the same three numbers.

    Attributes:
        comparators: the conditions, at least one.

    Example:
        >>> requirement = VersionReq.parse(">=1.2, <2")
        >>> requirement.matches(Version.parse("1.10.0")), requirement.matches_text("2.0.0")
        (True, False)
    """

    comparators: tuple[Comparator, ...]

    @classmethod
    def parse(cls, text: str) -> VersionReq:
        """Reads ``text`` as a requirement, such as ``^1``, ``>=1.2, <2`` or ``1.*``. Raises ParseError."""
        return _parse_req(text) if len(text) <= 256 else _parse_req.__wrapped__(text)

    def matches(self, version: Version) -> bool:
        """Whether ``version`` satisfies this requirement."""
        if not all(comparator.matches(version) for comparator in self.comparators):
            return False
        if not version.pre:
            return True
        same = (version.major, version.minor, version.patch)
        return any(c.pre and (c.major, c.minor, c.patch) == same for c in self.comparators)

    def matches_text(self, text: str) -> bool:
        """Whether ``text`` is a version and satisfies this requirement."""
        try:
            return self.matches(Version.parse(text))
        except ParseError:
            return False

    def __str__(self) -> str:
        return ", ".join(map(str, self.comparators))


@lru_cache(maxsize=1024)
def _parse_req(text: str) -> VersionReq:
    requirement, end = scan_version_req(text, _blanks(text, 0))
    end = _blanks(text, end)
    if end < len(text):
        fail(text, end, "',' or a blank and another comparator", "the end of the version requirement")
    return requirement


def _blanks(text: str, pos: int) -> int:
    found = _BLANKS.match(text, pos)
    return found.end() if found is not None else pos


def scan_version_req(text: str, pos: int) -> tuple[VersionReq, int]:
    """Reads the requirement at ``pos``; returns it and the offset after its last comparator. Raises ParseError.

    A comma, blanks or both separate comparators.
    """
    comparators: list[Comparator] = []
    at = pos
    while True:
        comparator, end = _scan_comparator(text, at)
        comparators.append(comparator)
        if len(comparators) > _MANY:
            fail(text, at, f"at most {_MANY} comparators")
        between = _BETWEEN.match(text, end)
        if between is None:
            return VersionReq(tuple(comparators)), end
        if "," not in between.group() and not _starts_comparator(text, between.end()):
            return VersionReq(tuple(comparators)), end
        at = between.end()


def _starts_comparator(text: str, at: int) -> bool:
    return at < len(text) and ((text[at].isascii() and text[at].isdigit()) or text[at] in "<>=^~")


def _scan_comparator(text: str, pos: int) -> tuple[Comparator, int]:
    op_found = _OP.match(text, pos)
    op = op_found.group(1) if op_found is not None else None
    at = op_found.end() if op_found is not None else pos
    found = _PARTIAL.match(text, at)
    if found is None or found.group(1) == "*":
        fail(text, at, "a version such as 1, 1.0 or 1.0.0")
    numbers = _partial_numbers(text, found)
    wildcard = "*" in found.group()
    if wildcard and op not in (None, "="):
        fail(text, found.end() - 1, "a number: a wildcard takes no operator")
    pre = _pre(text, found)
    if pre and numbers[2] is None:
        fail(text, found.start(4), "three numbers before a pre-release")
    return Comparator("=" if wildcard else op or "^", *numbers, pre), found.end()


def _partial_numbers(text: str, found: re.Match[str]) -> tuple[int, int | None, int | None]:
    rest: list[int | None] = []
    for group in (2, 3):
        if found.group(group) in (None, "*"):
            rest.append(None)
        elif rest and rest[0] is None:
            fail(text, found.start(group), "'*' after a '*'")
        else:
            rest.append(_number(text, found, group))
    return _number(text, found, 1), rest[0], rest[1]
