"""The placement strategies of a machine: one for each Kind, made on demand."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextvars import Context

from ...config import Config
from ...config.check import Fault
from ...contracts.driver import Driver
from ...contracts.placement import Candidate, Placement
from ...contracts.registry import ParticleRecord
from ...errors import ConfigError, NotFound, PluginError, described, did_you_mean
from ...plugins import PluginSet
from ...scheduling.cancellation import ends_task
from ...scheduling.guarded_log import guarded_log
from ...scheduling.presentable import presentable
from ...universe.address.star_key import StarKey
from ..particles.served import ServedKinds

__all__ = ["Strategies"]

_log = guarded_log("hyperverse.placement")


def _all_of(names: Sequence[str]) -> str:
    return f"known: {', '.join(names)}"


class Strategies:
    """The strategies that choose stars for particles."""

    def __init__(self, config: Config, plugins: PluginSet, served: ServedKinds, chance: random.Random) -> None:
        self._config = config
        self._plugins = plugins
        self._served = served
        self._chance = chance
        self._made: dict[str, Placement] = {}
        self._by_kind: dict[str, Placement] = {}

    def check(self) -> None:
        """Raises ConfigError if the config names a strategy that no plugin provides, because otherwise each wave to a
        particle of that Kind would fail. A table for a Kind, driver or strategy that does not exist is also a fault."""
        faults = self._unknown_names()
        for kind, settings in self._config.kinds.items():
            if settings.placement is None:
                continue
            try:
                self._plugins.check("placement", settings.placement)
            except NotFound as exc:
                faults.append(str(Fault(f"kinds.{kind}.placement", exc.message, exc.hint)))
        if faults:
            raise ConfigError(faults=faults)

    def _unknown_names(self) -> list[str]:
        known = {
            "kinds": sorted({*self._served.known, *self._plugins.drivers}),
            "drivers": sorted(self._plugins.drivers),
            "placements": self._plugins.names("placement"),
        }
        complete = all(info.state == "ok" for info in self._plugins.plugins)
        faults = []
        for table, names in known.items():
            for name in getattr(self._config, table):
                near = did_you_mean(name, names).removeprefix("; ")
                if name in names or not (near or complete):  # a plugin that is not loaded may provide it
                    continue
                what = {"kinds": "Kind", "drivers": "driver for a Kind", "placements": "placement"}[table]
                faults.append(str(Fault(f"{table}.{name}", f"there is no {what} {name!r}", near or _all_of(names))))
        return faults

    def of(self, kind: str) -> Placement:
        """Returns the strategy for particles of ``kind``."""
        found = self._by_kind.get(kind)
        if found is None:
            found = self._by_kind[kind] = self._find(kind)
        return found

    def name_of(self, kind: str) -> str:
        """Returns the name of that strategy. Raises KeyError if no driver here serves the Kind."""
        settings = self._config.kinds.get(kind)
        return (settings.placement if settings else None) or self._served[kind].driver.placement

    def _find(self, kind: str) -> Placement:
        name = self.name_of(kind)
        made = self._made.get(name)
        if made is None:
            table = self._config.placements.get(name, {})
            made = self._made[name] = self._plugins.placement(name, self._chance, table)
        return made

    def choose(self, record: ParticleRecord, candidates: Sequence[Candidate]) -> StarKey:
        """Returns the star for a particle that the strategy of its Kind has chosen. Raises a PluginError that names the
        strategy if the strategy raises or its answer is not one of ``candidates``."""
        strategy = self.of(record.kind.base)
        served = self._served[record.kind.base]
        if served.needs:
            _mark_ready(served.driver, record, candidates)
        try:
            chosen = strategy.choose(record.kind, record.point, candidates)
        except BaseException as exc:
            exc = presentable(exc)
            _log.error(
                "the placement %s failed", type(strategy).__name__, exc_info=exc, extra={"point": record.point.text}
            )
            raise PluginError(
                f"the placement {type(strategy).__name__} chose no star for {record.point.text!r}: {described(exc)}"
            ) from exc
        for candidate in candidates:  # nearly always the same object, so the parts need not be compared
            if candidate.star is chosen:
                return candidate.star
        if any(candidate.star == chosen for candidate in candidates):
            return chosen
        raise PluginError(
            f"the placement {type(strategy).__name__} chose {chosen!r} for {record.point.text!r}, "
            "which is not one of the candidates",
            hint="a placement returns the `star` of one of its candidates",
        )


def _mark_ready(driver: Driver, record: ParticleRecord, candidates: Sequence[Candidate]) -> None:
    """Marks the candidates where something that the particle needs is prepared. An error of the driver
    here does not prevent the placement."""
    try:
        needs = frozenset(Context().run(driver.needs, record))
    except BaseException as exc:
        if ends_task(exc):
            raise
        _log.exception("driver of %s: `needs` failed", record.kind.base, extra={"point": record.point.text})
        needs = frozenset()
    for candidate in candidates:
        candidate.ready = not needs.isdisjoint(candidate.prepared)
