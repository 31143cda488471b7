"""The third step: which other machines there are, and the lanes to them."""

from __future__ import annotations

import attrs

from ..cluster.directory import Directory
from ..cluster.facts import OwnFacts
from ..cluster.lane_states import LaneStates
from ..cluster.membership import Membership
from ..cluster.trusted_keys import TrustedKeys
from ..cluster.ways import Ways
from ..parts import Given
from ..transit.pending import PendingAnswers
from ..transit.remote_star import RemoteStars
from ..transit.requests import Requests
from ..transit.switchboard import BoardSettings, Switchboard
from .core import CoreParts
from .plugin_parts import PluginParts

__all__ = ["ClusterParts", "make_cluster"]


@attrs.frozen
class ClusterParts:
    """What leads to other machines.

    Attributes:
        directory: the stars that are announced.
        ways: by which machine a star is reached.
        facts: what this machine tells of itself.
        membership: announces and renews its stars.
        board: its lanes.
        pending, requests: what was asked of other machines.
        remotes: their stars.
    """

    directory: Directory
    ways: Ways
    facts: OwnFacts
    membership: Membership
    board: Switchboard
    pending: PendingAnswers
    requests: Requests
    remotes: RemoteStars


def make_cluster(given: Given, plugged: PluginParts, core: CoreParts) -> ClusterParts:
    """Makes them. No lane is open yet, and no star announced."""
    config = given.config
    directory = Directory(config.name)
    lanes = LaneStates()
    ways = Ways(core.stars, directory, lanes, given.plugins.star_kinds, core.home)
    facts = OwnFacts(config.labels, core.served)
    membership = Membership(
        config.name,
        config.constellation,
        config.lease,
        stars=core.stars,
        homes=core.homes,
        registry=plugged.registry,
        directory=directory,
        ways=ways,
        lanes=lanes,
        facts=facts,
        troubles=core.troubles,
    )
    pending = PendingAnswers()
    lane_settings = config.lanes.settings
    board = Switchboard(
        BoardSettings(config.name, config.constellation, config.limits.hops, lane_settings, plugged.lock.directory),
        plugged.transport,
        TrustedKeys(given.data_dir),
        authenticate=core.gate.authenticate_machine,
        directory=directory,
        ways=ways,
        states=lanes,
        pending=pending,
        heard=plugged.registry.notice,
        interceptors=core.interceptors,
        chance=given.chance,
    )
    requests = Requests(board, pending, membership, core.home)
    remotes = RemoteStars(directory, requests, core.home)
    return ClusterParts(directory, ways, facts, membership, board, pending, requests, remotes)
