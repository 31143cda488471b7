"""Environments: what a text template is resolved against (universe 5.5)."""

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
    """A working point, variables and files; what is not found here is looked for in the parent.

    Attributes:
        working: what ``.`` stands for.
        variables: text by name.
        files: bytes by name.
        resolvers: asked in their order for a variable that is not in ``variables``; each answers a text or
            None.
        parent: asked last.
    """

    working: Point = ROOT
    variables: Mapping[str, str] = attrs.field(factory=dict, converter=_copied)
    files: Mapping[str, bytes] = attrs.field(factory=dict)
    resolvers: tuple[Callable[[str], str | None], ...] = ()
    parent: Env | None = None

    def variable(self, name: str) -> str:
        """The value of the variable ``name``; raises BadRequest when nobody has set it."""
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
        """The content of the file ``name``; raises NotFound when it was not handed in."""
        env: Env | None = self
        while env is not None:
            if (content := env.files.get(name)) is not None:
                return content
            env = env.parent
        raise NotFound(f"the file {name!r} was not handed in")

    def push(self, **variables: str) -> Env:
        """An environment inside this one, with the same working point and further ``variables``."""
        return Env(self.working, variables, parent=self)

    def push_working(self, text: str) -> Env:
        """An environment inside this one whose working point lies ``text`` below; raises ParseError."""
        return Env(self.working.child(text), parent=self)

    def pop(self) -> Env:
        """The environment around this one; raises BadRequest for the outermost."""
        if self.parent is None:
            raise BadRequest("there is no environment around this one")
        return self.parent
