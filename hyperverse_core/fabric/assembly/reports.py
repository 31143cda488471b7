"""A part of the fifth step: the reports of the machine."""

from __future__ import annotations

import attrs

from ..closing import ClosingStack
from ..cluster.membership import Membership
from ..parts import Given
from ..services.reports.descriptions import Descriptions
from ..services.reports.dump import StateDump
from ..services.reports.figures import LiveFigures
from ..services.reports.load import Load
from ..services.reports.log_notes import LogNotes
from ..services.reports.looking import Looking
from ..services.reports.status import StatusReport
from ..services.reports.stubs import Stubs
from ..services.reports.tracing import Tracing
from ..services.sessions.gateways import Gateways
from ..services.sessions.shares import Shares
from .cluster import ClusterParts
from .core import CoreParts
from .delivery import DeliveryParts
from .plugin_parts import PluginParts
from .sessions import SessionParts

__all__ = ["ReportParts", "make_reports"]


@attrs.frozen
class ReportParts:
    """The reports of the machine.

    Attributes:
        tracing: traces single waves.
        status: collects the state of the machine.
        figures: counts waves while somebody reads the figures.
        looking: collects the notes of all machines.
        dump: lists what is in memory.
        stubs: writes the classes of Kinds for callers.
        load: measures how busy the machine is.
    """

    tracing: Tracing
    status: StatusReport
    figures: LiveFigures
    looking: Looking
    dump: StateDump
    stubs: Stubs
    load: Load


def make_reports(
    given: Given,
    plugged: PluginParts,
    core: CoreParts,
    cluster: ClusterParts,
    delivery: DeliveryParts,
    sessions: SessionParts,
    membership: Membership,
    descriptions: Descriptions,
    closing: ClosingStack,
) -> ReportParts:
    """Builds them. ``closing`` stops the reports that observe."""
    tracing = Tracing(core.interceptors, delivery.outbound, cluster.directory)
    closing.close("the traces", tracing.close)
    status = _status(given, plugged, core, cluster, membership, sessions.gateways, sessions.shares)
    figures = LiveFigures(core.interceptors, delivery.outbound, cluster.directory, core.homes, status.machine)
    closing.close("the figures", figures.close)
    log_notes = LogNotes()
    log_notes.begin()
    closing.close("the notes of the log", log_notes.end)
    return ReportParts(
        tracing=tracing,
        status=status,
        figures=figures,
        looking=Looking(figures, log_notes, delivery.outbound, cluster.directory, descriptions),
        dump=_dump(given, core, cluster, delivery),
        stubs=Stubs(core.served),
        load=Load(core.interceptors),
    )


def _status(
    given: Given,
    plugged: PluginParts,
    core: CoreParts,
    cluster: ClusterParts,
    membership: Membership,
    gateways: Gateways,
    shares: Shares,
) -> StatusReport:
    """Returns the part that collects the state of the machine."""
    return StatusReport(
        given.config,
        given.data_dir,
        in_use=shares.report,
        life=given.state,
        addresses=gateways.addresses,
        plugins=given.plugins,
        notes=cluster.notes,
        served=core.served,
        homes=core.homes,
        home=core.home,
        directory=cluster.directory,
        membership=membership,
        board=cluster.board,
        pool=core.pool,
        registry=plugged.registry,
        troubles=core.troubles,
        read_again=cluster.reader.refresh,
    )


def _dump(given: Given, core: CoreParts, cluster: ClusterParts, delivery: DeliveryParts) -> StateDump:
    """Returns the part that lists what is in the machine's memory."""
    return StateDump(
        given.config.name,
        homes=core.homes,
        places=core.places,
        pool=core.pool,
        pending=cluster.pending,
        board=cluster.board,
        watches=delivery.watch_table,
        records=core.records,
        selections=core.selections,
        gate=core.gate,
        replies=delivery.inbound.replay_cache,
    )
