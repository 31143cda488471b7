"""The policies of a file or of a folder: read, checked and ready for questions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
import cedarpy

from hyperverse_core.errors import ConfigError

from .names_used import Misuse, Uses, names_used
from .statements import RuleText, SyntaxFault, split, tokens_of, where_it_fails
from .vocabulary import OF_THE_REQUEST

__all__ = ["Rule", "RuleSet"]

_SUFFIX = ".cedar"


@attrs.frozen
class Rule:
    """One policy.

    Attributes:
        id: its name in the engine.
        statement: its text and its place.
        body: the policy in Cedar's JSON format.
        uses: the names that it uses.
    """

    id: str
    statement: RuleText
    body: Mapping[str, Any] = attrs.field(repr=False)
    uses: Uses

    @property
    def forbids(self) -> bool:
        """Whether it forbids."""
        return bool(self.body["effect"] == "forbid")

    @property
    def name(self) -> str:
        """Its ``@id``, or its place if it has none."""
        return self.statement.name or self.statement.place


@attrs.frozen
class RuleSet:
    """All policies.

    Attributes:
        by_id: each of them, by its id.
        policies: their form in the engine.
        of_the_request: permits every request to which a policy that depends on a single request could apply, judged by
            the scope of that policy; None if there are no such policies.
        of_the_action: the same for the policies that name an action, whatever the action.
        uses: the names that all of them use.
    """

    by_id: Mapping[str, Rule]
    policies: cedarpy.PolicySet
    of_the_request: cedarpy.PolicySet | None
    of_the_action: cedarpy.PolicySet | None
    uses: Uses

    @classmethod
    def read(cls, place: str) -> RuleSet:
        """Reads a file, or the files ``*.cedar`` of a folder in the order of their names.

        Raises:
            ConfigError: there is nothing to read, or something cannot be read. It lists every fault with its file and
                line.
        """
        faults: list[str] = []
        rules: list[Rule] = []
        for file in _files(Path(place)):
            try:
                statements = split(str(file), _text(file))
            except SyntaxFault as exc:
                faults.append(f"{file}:{exc.line}: {exc.what}")
                continue
            for statement in statements:
                try:
                    rules.append(_rule(f"policy{len(rules)}", statement))
                except SyntaxFault as exc:
                    faults.append(f"{file}:{exc.line}: {exc.what}")
        if faults:
            raise ConfigError(faults=faults)
        if not rules:
            raise ConfigError(faults=[f"{place}: it contains no policy, so nothing would be allowed"])
        return cls.of(rules)

    @classmethod
    def of(cls, rules: Iterable[Rule]) -> RuleSet:
        """Returns the set of these rules."""
        by_id = {rule.id: rule for rule in rules}
        uses = Uses()
        for rule in by_id.values():
            uses.add(rule.uses)
        once = [rule for rule in by_id.values() if rule.uses.context & OF_THE_REQUEST]
        acting = [rule for rule in by_id.values() if rule.uses.names_action]
        return cls(
            by_id,
            _set({id_: rule.body for id_, rule in by_id.items()}),
            _set({rule.id: _by_scope(rule.body) for rule in once}) if once else None,
            _set({rule.id: _whatever_the_action(rule.body) for rule in acting}) if acting else None,
            uses,
        )


def _files(place: Path) -> list[Path]:
    try:
        found = sorted(place.glob(f"*{_SUFFIX}")) if place.is_dir() else [place]
    except OSError as exc:
        raise ConfigError(faults=[f"security.policies: {place} cannot be read: {exc.strerror}"]) from exc
    if not found:
        raise ConfigError(faults=[f"security.policies: there is no file *{_SUFFIX} in {place}"])
    return found


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except OSError as exc:
        raise ConfigError(faults=[f"security.policies: {file} cannot be read: {exc.strerror}"]) from exc
    except UnicodeDecodeError as exc:
        line = exc.object[: exc.start].count(b"\n") + 1
        raise SyntaxFault(line, "this line is not UTF-8") from exc


def _rule(id_: str, statement: RuleText) -> Rule:
    """Returns the policy of a statement. Raises SyntaxFault."""
    parse = cedarpy.policies_to_json_str
    try:
        parsed = json.loads(parse(statement.text))
    except ValueError as exc:
        line = where_it_fails(statement, str(exc), parse)
        raise SyntaxFault(line, f"this is not a Cedar policy: {exc}") from exc
    if parsed["templates"]:
        raise SyntaxFault(statement.line, "a template has no values; write a policy without ?principal and ?resource")
    (body,) = parsed["staticPolicies"].values()
    try:
        uses = names_used(body)
    except Misuse as exc:
        raise SyntaxFault(_line_of(statement, exc.word), str(exc)) from exc
    name = body.get("annotations", {}).get("id") or ""
    return Rule(id_, attrs.evolve(statement, name=name), body, uses)


def _line_of(statement: RuleText, word: str) -> int:
    """Returns the line of the first token that is ``word``, or the string ``word``."""
    texts = (word, json.dumps(word))
    at = next((token.start for token in tokens_of(statement.text) if token.text in texts), 0)
    return statement.line + statement.text.count("\n", 0, at)


def _by_scope(body: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a policy that permits every request within the scope of ``body``, whatever its conditions."""
    return {**body, "effect": "permit", "conditions": []}


def _whatever_the_action(body: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a policy that permits every request to which ``body`` could apply with another action."""
    return {**_by_scope(body), "action": {"op": "All"}}


def _set(bodies: Mapping[str, Mapping[str, Any]]) -> cedarpy.PolicySet:
    return cedarpy.PolicySet.from_json_str(
        json.dumps({"templates": {}, "staticPolicies": dict(bodies), "templateLinks": []})
    )
