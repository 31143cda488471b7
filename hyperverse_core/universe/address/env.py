"""Environments: the values with which a template is resolved. docs/reference/points.md#templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from ...errors import BadRequest, NotFound, did_you_mean
from .point import ROOT, Point

__all__ = ["Env"]


def _copied(value: Mapping[str, str]) -> Mapping[str, str]:
    return dict(value)


@attrs.frozen
class Env:
    """A working point, variables and files. A value that an environment lacks is looked up in its parent.

    Attributes:
        working: the point that ``.`` stands for.
        variables: the value of each variable, by name.
        files: the content of each file, by name.
        resolvers: functions that are called in order for a variable that is not in ``variables``. Each returns its
            value or None.
        parent: the environment around this one, or None.
    """

    working: Point = ROOT
    variables: Mapping[str, str] = attrs.field(factory=dict, converter=_copied)
    files: Mapping[str, bytes] = attrs.field(factory=dict)
    resolvers: tuple[Callable[[str], str | None], ...] = ()
    parent: Env | None = None

    def variable(self, name: str) -> str:
        """Returns the value of the variable ``name``. Raises BadRequest if it is not set."""
        env: Env | None = self
        while env is not None:
            if (value := env._own(name)) is not None:
                return value
            env = env.parent
        known = self._known()
        raise BadRequest(
            f"the variable {name!r} is not set",
            hint=f"set: {', '.join(known)}{did_you_mean(name, known)}" if known else "no variable is set here",
        )

    def _own(self, name: str) -> str | None:
        value = self.variables.get(name)
        if value is not None:
            return value
        return next((found for ask in self.resolvers if (found := ask(name)) is not None), None)

    def _known(self) -> list[str]:
        names: set[str] = set()
        env: Env | None = self
        while env is not None:
            names.update(env.variables)
            env = env.parent
        return sorted(names)

    def file(self, name: str) -> bytes:
        """Returns the content of the file ``name``. Raises NotFound if the file is missing."""
        env: Env | None = self
        while env is not None:
            if (content := env.files.get(name)) is not None:
                return content
            env = env.parent
        raise NotFound(f"the command needs the file {name!r}, which was not sent with it")

    def push(self, **variables: str) -> Env:
        """Returns an environment inside this one, with the same working point and further ``variables``."""
        return Env(self.working, variables, parent=self)

    def pop(self) -> Env:
        """Returns the environment around this one. Raises BadRequest for the outermost."""
        if self.parent is None:
            raise BadRequest("there is no environment around this one")
        return self.parent
