"""The third step: the other machines, and the lanes to them."""

from __future__ import annotations

import attrs

from ...config.default_transport import keys_folder, transport_before
from ...scheduling.guarded_log import guarded_log
from ..cluster.admission import Admission
from ..cluster.directory import Directory
from ..cluster.directory_reader import DirectoryReader
from ..cluster.facts import OwnFacts
from ..cluster.key_ring import KeyRing
from ..cluster.lane_states import LaneStates
from ..cluster.trusted_keys import TrustedKeys
from ..cluster.watchman import Watchman
from ..cluster.ways import Ways
from ..parts import Given
from ..transit.board_settings import BoardSettings
from ..transit.pending import PendingAnswers
from ..transit.remote_star import RemoteStars
from ..transit.requests import Requests
from ..transit.switchboard import Switchboard
from .core import CoreParts
from .plugin_parts import PluginParts

__all__ = ["ClusterParts", "make_cluster"]

_log = guarded_log("hyperverse.machine")


@attrs.frozen
class ClusterParts:
    """The parts that connect to other machines.

    Attributes:
        directory: the announced stars.
        ways: the machine through which each star is reached.
        facts: what this machine announces about itself.
        board: the lanes of this machine.
        reader: reads the directory.
        watchman: expires the stars of machines that have died.
        pending, requests: the requests to other machines.
        remotes: the stars of those machines.
        keys: the keys of accepted machines.
        admission: admits this machine and others through the registry.
        notes: warnings about the lanes, which are part of the machine's status.
    """

    directory: Directory
    ways: Ways
    facts: OwnFacts
    board: Switchboard
    reader: DirectoryReader
    watchman: Watchman
    pending: PendingAnswers
    requests: Requests
    remotes: RemoteStars
    keys: KeyRing
    admission: Admission
    notes: tuple[str, ...]


def make_cluster(given: Given, plugged: PluginParts, core: CoreParts) -> ClusterParts:
    """Builds them. No lane is open yet, and no star is announced."""
    config = given.config
    directory = Directory(config.name)
    lanes = LaneStates()
    ways = Ways(core.stars, directory, lanes, given.plugins.star_kinds, core.home)
    facts = OwnFacts(config.labels, core.served)
    pending = PendingAnswers()
    lane_settings = config.lanes.settings
    trusted = TrustedKeys(keys_folder(given.data_dir, config.lanes.driver))
    notes = _notes(given)
    for note in notes:
        _log.warning("%s", note)
    board = Switchboard(
        BoardSettings(
            config.name, config.constellation, config.limits.hops, lane_settings, plugged.lock.directory, facts.now.host
        ),
        plugged.transport,
        trusted,
        authenticate=core.answers.authenticate_machine,
        directory=directory,
        ways=ways,
        states=lanes,
        pending=pending,
        heard=plugged.registry.notice,
        objected=core.audit.machine_refused,
        interceptors=core.interceptors,
        chance=given.chance,
    )
    reader = DirectoryReader(
        config.lease,
        registry=plugged.registry,
        directory=directory,
        ways=ways,
        star_gone=[core.places.star_gone],
        machines_changed=[board.peers.machines_changed],
    )
    watchman = Watchman(config.lease, registry=plugged.registry, directory=directory, lanes=lanes)
    admission = Admission(
        config.name,
        config.lanes.driver,
        config.invitation,
        registry=plugged.registry,
        keys=trusted,
        transport=plugged.transport,
        changed=board.keys_changed,
        dismissed=given.request_stop,
    )
    requests = Requests(board, pending, directory, reader, core.home)
    remotes = RemoteStars(directory, requests, core.home)
    keys = KeyRing(trusted, plugged.transport)
    return ClusterParts(
        directory, ways, facts, board, reader, watchman, pending, requests, remotes, keys, admission, notes
    )


def _notes(given: Given) -> tuple[str, ...]:
    """Returns the warning of a machine that has changed its transport. It is part of the status because nobody sees the
    log of ``up --detach``."""
    name, driver = given.config.name, given.config.lanes.driver
    before = transport_before(given.data_dir, driver, name)
    if not before:
        return ()
    return (
        f"machine {name} had its lanes over {before!r}, and now has them over {driver!r}, with a new key: machines "
        f"that use {before!r} cannot reach it, and those that allowed its old key must allow the new one, or invite it "
        f"again. To return to {before!r}, set `driver = {before!r}` in [lanes]",
    )
