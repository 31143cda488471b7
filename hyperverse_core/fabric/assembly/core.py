"""The second step: this machine's stars, the limits of its waves, and the caches of the registry."""

from __future__ import annotations

import asyncio
import math

import attrs

from ...config import Config
from ...config.check import Fault
from ...data_dir.audit.files import AuditPlace
from ...data_dir.audit.writer import AuditWriter, Rotation
from ...data_dir.sealing_keys import SealingKeys
from ...errors import ConfigError
from ...scheduling.deadlines import Deadlines
from ...scheduling.held_bytes import HeldBytes
from ...scheduling.troubles import Troubles
from ...scheduling.worker_pool import WorkerPool
from ...universe.address.star_key import StarKey
from ...universe.waves.origin import Ids
from ..caches.records import Records
from ..caches.selections import Selections
from ..closing import ClosingStack
from ..delivery.checks_in_time import ChecksInTime
from ..delivery.gate import Gate
from ..delivery.policy_answers import PolicyAnswers
from ..interception.audit_trail import AuditTrail
from ..interception.interceptors import Interceptors
from ..particles.homes import Homes
from ..particles.places import Places
from ..particles.sealed_properties import SealedProperties
from ..particles.served import ServedKinds
from ..parts import Given
from ..services.changes.feed_progress import FEED, FeedProgress
from ..stars.star import Star
from ..stars.topology import free_index, make_stars
from .plugin_parts import PluginParts

__all__ = ["CoreParts", "make_core"]

_POLICY_SECONDS = 5.0
"""Seconds that the policy may take for an answer, unless the config sets another limit."""


@attrs.frozen
class CoreParts:
    """The parts on which all other parts depend.

    Attributes:
        loop: the event loop of the machine.
        interceptors: the observers of waves, lanes and particles.
        feed_progress: the current step of the change feed.
        troubles: the troubles in the status.
        audit: writes the audit log.
        served: the Kinds that this machine serves.
        stars, home: the stars of this machine, and the one that represents it.
        deadlines, ids, pool: the deadlines, ids and workers of its waves.
        held: the memory that waves take while they wait.
        places, homes: the places of particles, and the particles that live here.
        records, selections: the caches of the registry.
        answers: asks the policy, and caches its answers.
        gate: allows or refuses waves and commands.
        sealing_keys, sealed: encrypt secret properties.
    """

    loop: asyncio.AbstractEventLoop
    interceptors: Interceptors
    feed_progress: FeedProgress
    troubles: Troubles
    audit: AuditTrail
    served: ServedKinds
    stars: dict[StarKey, Star]
    home: Star
    deadlines: Deadlines
    ids: Ids
    pool: WorkerPool
    held: HeldBytes
    places: Places
    homes: Homes
    records: Records
    selections: Selections
    answers: PolicyAnswers
    gate: Gate
    sealing_keys: SealingKeys
    sealed: SealedProperties


async def make_core(given: Given, plugged: PluginParts, served: ServedKinds, closing: ClosingStack) -> CoreParts:
    """Builds them. Raises ConfigError, Conflict, Unavailable."""
    config, loop, registry = given.config, asyncio.get_running_loop(), plugged.registry
    index = free_index(config, plugged.lock.index, await registry.stars())
    stars = make_stars(config, index, given.plugins.star_kinds)
    interceptors = Interceptors(given.plugins.observers)
    deadlines = Deadlines(loop)
    progress = FeedProgress()
    troubles = Troubles(sources={"the registry": registry.troubles, FEED: progress.held_up})
    audit = _audit(given, troubles)
    records = Records(registry)
    closing.close("the audit log", audit.close)
    answers = PolicyAnswers(
        plugged.policy,
        plugged.policy_name,
        timeout=_policy_timeout(config),
        deadlines=deadlines,
        records=records.get,
    )
    closing.close("the answers of the policy", answers.close)
    sealing_keys = SealingKeys(given.data_dir)
    return CoreParts(
        loop=loop,
        interceptors=interceptors,
        feed_progress=progress,
        troubles=troubles,
        audit=audit,
        served=served,
        stars=stars,
        home=stars[StarKey("machine", config.name, 0)],
        deadlines=deadlines,
        ids=Ids(f"{given.life}-"),
        pool=WorkerPool(config.limits.waves),
        held=HeldBytes(config.limits.bytes, config.limits.mailbox_bytes),
        places=Places(),
        homes=Homes(registry),
        records=records,
        selections=Selections(registry),
        answers=answers,
        gate=Gate(answers, interceptors.deny, audit=audit.denied, checks=ChecksInTime(deadlines)),
        sealing_keys=sealing_keys,
        sealed=SealedProperties(sealing_keys, served.known),
    )


def _audit(given: Given, troubles: Troubles) -> AuditTrail:
    """Returns the writer of this machine's audit log."""
    settings, name = given.config.audit, given.config.name
    writer = None
    if settings.enabled:
        place = AuditPlace.of(given.data_dir, name, settings.directory)
        writer = AuditWriter(place, Rotation(settings.rotate_bytes, settings.rotate_age, settings.keep))
    trail = AuditTrail(writer, name, troubles)
    trail.check()
    return trail


def _policy_timeout(config: Config) -> float:
    """Returns the seconds that the policy may take for an answer. Raises ConfigError."""
    seconds = config.security.settings.get("timeout", _POLICY_SECONDS)
    if type(seconds) not in (int, float) or not 0 < seconds < math.inf:
        fault = Fault("security.timeout", f"must be a number of seconds, more than 0, not {seconds!r}")
        raise ConfigError(faults=[str(fault)])
    return float(seconds)
