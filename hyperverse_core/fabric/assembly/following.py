"""A part of the fifth step: the machine announces itself, and follows changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from ..cluster.membership import Membership
from ..parts import Given
from ..services.changes.change_feed import ChangeFeed
from ..services.changes.residents import Residents
from ..services.sessions.sessions import LocalSessions
from .cluster import ClusterParts
from .core import CoreParts
from .delivery import DeliveryParts
from .plugin_parts import PluginParts

__all__ = ["FollowingParts", "make_following"]


@attrs.frozen
class FollowingParts:
    """The parts that keep this machine up to date with the others.

    Attributes:
        membership: announces and renews this machine's stars.
        feed: follows the changes of the registry.
    """

    membership: Membership
    feed: ChangeFeed


def make_following(
    given: Given,
    plugged: PluginParts,
    core: CoreParts,
    cluster: ClusterParts,
    delivery: DeliveryParts,
    residents: Residents,
    sessions: LocalSessions,
) -> FollowingParts:
    """Builds them. If the leases are lost, the feed drops everything that was cached."""
    lease_lost: list[Callable[[], None]] = [core.homes.lease_lost]
    membership = _membership(given, plugged, core, cluster, lease_lost)
    feed = ChangeFeed(
        plugged.registry,
        [core.selections, core.records, delivery.binds, delivery.watches, core.answers, sessions, cluster.admission],
        residents,
        cluster.reader,
        cluster.board.peers.tell_all,
        given.chance,
        core.troubles,
        core.feed_progress,
        membership.set_back,
    )
    lease_lost.append(feed.lost)
    return FollowingParts(membership, feed)


def _membership(
    given: Given,
    plugged: PluginParts,
    core: CoreParts,
    cluster: ClusterParts,
    lease_lost: Sequence[Callable[[], None]],
) -> Membership:
    """Builds the part that announces and renews this machine's stars. If their leases are lost, no cache may be
    trusted."""
    config = given.config
    return Membership(
        config.name,
        config.constellation,
        config.lease,
        stars=core.stars,
        homes=core.homes,
        registry=plugged.registry,
        directory=cluster.directory,
        reader=cluster.reader,
        watchman=cluster.watchman,
        facts=cluster.facts,
        lease_lost=lease_lost,
        taken=given.places_taken,
        troubles=core.troubles,
        interceptors=core.interceptors,
    )
