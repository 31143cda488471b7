"""Particles: handlers and durable state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

import attrs

from ...errors import BadRequest
from ...universe.waves.wave import Body
from .handlers import HandlerSpec, spec_of
from .sending import Ctx

__all__ = ["Particle", "state", "transient"]

_P = TypeVar("_P", bound="type[Particle]")


def transient(**kwargs: Any) -> Any:
    """Declares an attrs field that is not part of the durable state::

        connection: Connection | None = transient(default=None)

    Args:
        **kwargs: the arguments of ``attrs.field``.
    """
    metadata = {**kwargs.pop("metadata", {}), "transient": True}
    return attrs.field(metadata=metadata, **kwargs)


def state(*, version: int) -> Callable[[_P], _P]:
    """Declares the version of the durable state of a :class:`Particle` class. Without it, the version is 1::

        @state(version=2)
        @attrs.define
        class Counter(Particle):
            total: int = 0                   # was "value" in version 1

            def upgrade(self, state: dict[str, Body], version: int) -> dict[str, Body]:
                state["total"] = state.pop("value")
                return state

    A state that was saved with an older version is passed to :meth:`Particle.upgrade`. See
    ``docs/how-to/change-a-state.md``.

    Args:
        version: a whole number from 1. Increase it when a durable field is renamed, removed or gets another type. A new
            field with a default needs no new version.

    Raises:
        BadRequest: ``version`` is not such a number.
    """
    if type(version) is not int or version < 1:
        raise BadRequest(f"a state cannot have version {version!r}", hint="write a whole number from 1")

    def mark(cls: _P) -> _P:
        cls._state_version = version
        return cls

    return mark


class Particle:
    """Base of all particles. Subclass it with ``@attrs.define``; the attrs fields are the durable state.

    Fields may have the types of ``docs/reference/state.md``. A field made by :func:`transient` is not saved.

    Override :meth:`dump` and :meth:`load` when the state is not kept in the attrs fields.

    Attributes:
        concurrent: whether handlers may run concurrently. By default a particle handles one wave at a time; while a
            handler waits, only the chain of calls that it has started may re-enter the particle.
    """

    __slots__ = ()
    concurrent: ClassVar[bool] = False
    _state_version: ClassVar[int] = 1

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if (cls.dump is Particle.dump) is not (cls.load is Particle.load):
            raise BadRequest(
                f"particle class {cls.__name__} overrides only one of dump and load",
                hint="what one of them writes, the other one has to read: override both",
            )

    async def on_start(self, ctx: Ctx) -> None:
        """Called after the state was loaded, before the first wave is handled. When it raises, that wave is answered
        500, and the next wave tries again.

        Args:
            ctx: acts for the particle itself, not for the sender of that wave.
        """

    async def on_stop(self, ctx: Ctx) -> None:
        """Called before the particle leaves memory: when it was idle, when it moves, when its machine stops, and when
        it was deleted. It has five seconds. Exceptions are logged.

        It is not called when the machine crashes, when its star has lost the particle to another star, when the
        particle is replaced by ``create!``, or when the particle restarts from its saved state because a handler was
        cancelled at its deadline, raised after a change, or could not save.

        When it raises, changes that it made and did not save are lost.

        Args:
            ctx: acts for the particle itself. After a deletion, :meth:`Ctx.save` raises NotHostedHere.
        """

    def dump(self) -> bytes | Mapping[str, Body]:
        """Returns the durable state, for particles that do not keep it in attrs fields. Override it together with
        :meth:`load`; the attrs fields are then not saved automatically::

            def dump(self) -> bytes:
                return bytes(self.memory)

            def load(self, saved: bytes | Mapping[str, Body]) -> None:
                self.memory[:] = saved

        It is called by :meth:`Ctx.save`, before the particle leaves memory, and for ``Cmd<Read>``, whose answer is the
        returned value. It must return at once. An exception is answered 500, and nothing is saved.

        Returns:
            bytes, or a map of values that the body of a wave can have.
        """
        raise NotImplementedError("a particle without `dump` keeps its state in its attrs fields")

    def upgrade(self, state: dict[str, Body], version: int) -> Mapping[str, Body]:
        """Converts a state that an older version of the class has saved to this version. See :func:`state`.

        Called before the state is loaded into the particle, which is new, has its defaults, and should not be touched
        here. It must return at once. When it raises, or its result does not fit the fields, the wave is answered 500,
        and the saved state is kept. The upgraded state becomes durable when the particle is next saved.

        Args:
            state: the fields by name, as plain values: strings, numbers, lists, maps. It may be modified.
            version: the version that has saved it, 1 for a class without :func:`state`.

        Returns:
            the fields by name, for this version. A missing field gets its default.
        """
        raise NotImplementedError("a class of version 1 has no older states")

    def load(self, saved: bytes | Mapping[str, Body]) -> None:
        """Loads a saved state into a new particle. Called before :meth:`on_start`, unless nothing was ever saved. When
        it raises, the wave is answered 500, and the next wave tries again.

        Args:
            saved: what :meth:`dump` returned. If an older version of the class saved it from attrs fields, it is a map
                of those fields.
        """
        raise NotImplementedError("a particle without `load` keeps its state in its attrs fields")

    @classmethod
    def handlers(cls) -> list[tuple[str, HandlerSpec]]:
        """Returns the names of the handler methods, with what :func:`handler` has recorded, in the order of the class
        body. Those of a subclass come before those of its bases."""
        found: dict[str, HandlerSpec] = {}
        for layer in cls.__mro__:
            for name, value in vars(layer).items():
                spec = spec_of(value)
                if spec is not None and name not in found:
                    found[name] = spec
        return list(found.items())
