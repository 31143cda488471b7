"""Assembly: how a machine is made of its parts, to be read from top to bottom.

Each part is handed what it uses, so mypy checks the order. What has to be closed is put on a stack as soon as it is
there; leaving the stack closes everything in the opposite order. Where an arrow would run up, a part has a list of
callbacks, and they are filled in here.
"""

from __future__ import annotations

import asyncio
import logging
import math
from contextlib import AsyncExitStack
from typing import Any

from ..config import Config, without_secrets
from ..config.check import Fault
from ..contracts.gateway import SessionLimits
from ..contracts.policy import PolicyView
from ..data_dir.registry_in_use import check_registry_in_use, note_registry_in_use
from ..errors import ConfigError
from ..scheduling.deadlines import Deadlines
from ..scheduling.troubles import Troubles
from ..scheduling.worker_pool import WorkerPool
from ..universe.address.star_key import StarKey
from ..universe.kind_defs.standard_kinds import STANDARD_KINDS
from ..universe.waves.origin import Ids
from ..universe.waves.wave import Pong
from .caches.records import Records
from .caches.selections import Selections
from .closing import closing
from .cluster.directory import Directory
from .cluster.facts import OwnFacts
from .cluster.lane_states import LaneStates
from .cluster.membership import Listening, Membership
from .cluster.trusted_keys import TrustedKeys
from .cluster.ways import Ways
from .delivery.binds import Binds
from .delivery.fan_out import FanOut
from .delivery.gate import Gate
from .delivery.inbound import Inbound
from .delivery.location import Location
from .delivery.outbound import Outbound
from .delivery.pipeline import Pipelines
from .delivery.retry import Retry
from .delivery.star_requests import ask_star
from .delivery.watch_table import WatchTable
from .interception.interceptors import Interceptors
from .machine_lock import MachineLock
from .particles.active import Active
from .particles.comings import Comings
from .particles.deletions import Deletions
from .particles.home import Home
from .particles.homes import Homes
from .particles.hosting import Hosting
from .particles.idle_sweeper import IdleSweeper
from .particles.places import Places
from .particles.served import ServedKinds
from .parts import Given, Parts
from .placement.candidates import Candidates
from .placement.provisioner import Provisioner
from .placement.rebalancing import Rebalancer
from .placement.strategies import Strategies
from .services.change_feed import ChangeFeed
from .services.commands import Commands
from .services.drivers import Drivers
from .services.dump import StateDump
from .services.gateways import Gateways
from .services.particle_services import ParticleServices
from .services.residents import Residents
from .services.sessions import LocalGatewayHost, LocalSessions
from .services.status import StatusReport
from .services.system_particles import ExecutorParticle, MachineParticle, pin_system_particles
from .services.tracing import Tracing
from .services.users_particle import UsersParticle
from .services.watches import Watches
from .stars.topology import free_index, make_stars
from .transit.pending import PendingAnswers
from .transit.remote_star import RemoteStars
from .transit.requests import Requests
from .transit.switchboard import BoardSettings, Switchboard

__all__ = ["assemble"]

_log = logging.getLogger("hyperverse.machine")
_POLICY_SECONDS = 5.0
"""Seconds that an answer of the policy may take, unless the config says otherwise."""


async def assemble(given: Given, stack: AsyncExitStack) -> Parts:
    """Makes the parts and opens them; nothing serves yet.

    Args:
        stack: is given what closes them.

    Raises what keeps the machine from serving at all: ConfigError, Conflict, Unavailable, PluginError, NotFound.
    """
    config, plugins, chance = given.config, given.plugins, given.chance
    loop = asyncio.get_running_loop()
    interceptors = Interceptors(plugins.observers)
    served = ServedKinds(STANDARD_KINDS, plugins.why_missing)
    troubles = Troubles()
    strategies = Strategies(config, plugins, served, chance)
    strategies.check()

    # -- what plugins bring -------------------------------------------------------------------------------
    settings = config.registry_settings(given.data_dir)
    in_file = given.registry is None and config.registry.driver == "sql"
    if in_file:
        check_registry_in_use(given.data_dir, settings)
    registry = given.registry or plugins.registry(config.registry.driver, settings)
    transport = given.transport or plugins.transport(config.lanes.driver, config.transport_settings())
    policy = given.policy or plugins.policy(config.security.driver, _policy_settings(config))
    lock = MachineLock(given.data_dir, config.name)
    await lock.acquire()
    closing(stack, "the lock", lock.release)
    closing(stack, "the registry", registry.close)
    with plugins.opening("registry", config.registry.driver if given.registry is None else type(registry).__name__):
        await registry.open()
    if in_file:
        note_registry_in_use(given.data_dir, settings)
    closing(stack, "the transport", transport.close)

    # -- stars, particles, caches -------------------------------------------------------------------------
    index = free_index(config, lock.index, await registry.stars())
    stars = make_stars(config, index, plugins.star_kinds)
    home = stars[StarKey("machine", config.name, 0)]
    deadlines = Deadlines(loop)
    ids = Ids(f"{given.life}-")
    pool = WorkerPool(config.limits.waves)
    places = Places()
    homes = Homes(registry)
    records = Records(registry)
    selections = Selections(registry)

    name = config.security.driver if given.policy is None else type(policy).__name__
    gate = Gate(policy, name, interceptors.deny, timeout=_policy_timeout(config), deadlines=deadlines)
    closing(stack, "the policy", policy.close)
    closing(stack, "the gate", gate.close)

    # -- the other machines -------------------------------------------------------------------------------
    directory = Directory(config.name)
    lanes = LaneStates()
    ways = Ways(stars, directory, lanes, plugins.star_kinds, home)
    facts = OwnFacts(config.labels, served)
    membership = Membership(
        config.name,
        config.constellation,
        config.lease,
        stars=stars,
        homes=homes,
        registry=registry,
        directory=directory,
        ways=ways,
        lanes=lanes,
        facts=facts,
        troubles=troubles,
    )
    pending = PendingAnswers()
    board = Switchboard(
        BoardSettings(config.name, config.constellation, config.limits.hops, config.lanes.settings, lock.directory),
        transport,
        TrustedKeys(given.data_dir),
        authenticate=gate.authenticate_machine,
        directory=directory,
        ways=ways,
        states=lanes,
        pending=pending,
        heard=registry.notice,
        interceptors=interceptors,
        chance=chance,
    )
    requests = Requests(board, pending, membership, home)
    remotes = RemoteStars(directory, requests, home)

    # -- placing ------------------------------------------------------------------------------------------
    candidates = Candidates(directory, homes, places, home, facts)
    deletions = Deletions(pool)
    provisioner = Provisioner(
        registry=registry,
        permits=gate,
        served=served,
        homes=homes,
        places=places,
        records=records,
        selections=selections,
        directory=directory,
        membership=membership,
        remotes=remotes,
        requests=requests,
        candidates=candidates,
        strategies=strategies,
        deletions=deletions,
    )
    globals_: dict[str, Active] = {}
    places.find = Location(homes, remotes, provisioner.place, globals_).find

    # -- delivering ---------------------------------------------------------------------------------------
    watch_table = WatchTable()
    fan_out = FanOut(
        places=places,
        pool=pool,
        ways=ways,
        requests=requests,
        selections=selections,
        directory=directory,
        watches=watch_table,
        interceptors=interceptors,
    )
    retry = Retry(remotes, directory, interceptors, chance)
    outbounds = {
        key: Outbound(
            star,
            places=places,
            deadlines=deadlines,
            ids=ids,
            retry=retry,
            fan_out=fan_out,
            interceptors=interceptors,
        )
        for key, star in stars.items()
    }
    outbound = outbounds[home.key]
    watches = Watches(
        watch_table, outbound=outbound, registry=registry, directory=directory, homes=homes, places=places
    )
    binds = Binds(homes, outbound, watches.watch_states)
    closing(stack, "the binds", binds.close)
    closing(stack, "the places", places.close)
    inbound = Inbound(
        homes=homes,
        outbounds=outbounds.values(),
        places=places,
        board=board,
        fan_out=fan_out,
        pool=pool,
        registry=registry,
    )

    # -- serving ------------------------------------------------------------------------------------------
    async def ask(star: StarKey, method: str, body: dict[str, Any], wait: float) -> Pong:
        return await ask_star(outbound, star, method, body, wait=wait)

    rebalancer = Rebalancer(
        ask_star=ask,
        registry=registry,
        directory=directory,
        membership=membership,
        homes=homes,
        places=places,
        served=served,
        requests=requests,
        candidates=candidates,
        strategies=strategies,
    )
    commands = Commands(
        registry=registry,
        records=records,
        gate=gate,
        provisioner=provisioner,
        served=served,
        homes=homes,
        ways=ways,
    )
    tracing = Tracing(interceptors, outbound, directory)
    closing(stack, "the traces", tracing.close)
    services = ParticleServices(provisioner, commands, watches)
    routing = Pipelines(binds, config.limits.hops)
    comings = Comings()
    for key, star in stars.items():
        around = Home(
            star,
            gate,
            routing,
            outbounds[key],
            services,
            registry,
            pool,
            interceptors,
            ids,
            config.limits.chain,
            loop,
            troubles,
        )
        homes.add(Hosting(around, served, comings))
    limits = SessionLimits(config.limits.client_waves, config.limits.body)
    sessions = LocalSessions(gate, homes[home.key], outbound, limits, interceptors)
    host = LocalGatewayHost(
        machine=config.name,
        life=given.life,
        data_dir=given.data_dir,
        directory=lock.directory,
        sessions=sessions,
        limits=limits,
        transport=transport,
        transport_name=config.lanes.driver,
        transport_settings=without_secrets(config.transport_settings()),
        chance=chance,
        pool=pool,
    )
    gateways = Gateways(config, plugins, host, registry, given.data_dir)
    gateways.check()
    residents = Residents(registry, homes, places, deletions)
    feed = ChangeFeed(
        registry,
        [selections, records, binds, watches, gate, sessions],
        residents,
        membership,
        board.tell_all,
        chance,
        troubles,
    )
    drivers = Drivers(
        config,
        given.data_dir,
        plugins=plugins,
        served=served,
        outbound=outbound,
        ready=membership.changed,
        chance=chance,
    )
    status = StatusReport(
        config,
        given.data_dir,
        life=given.state,
        addresses=gateways.addresses,
        plugins=plugins,
        served=served,
        homes=homes,
        home=home,
        directory=directory,
        membership=membership,
        board=board,
        pool=pool,
        registry=registry,
        troubles=troubles,
    )
    dump = StateDump(
        config.name,
        homes=homes,
        places=places,
        pool=pool,
        pending=pending,
        board=board,
        watches=watch_table,
        records=records,
        selections=selections,
        gate=gate,
        replies=inbound.replay_cache,
    )

    # -- who is told of what ------------------------------------------------------------------------------
    comings.arrived += [residents.arrived, watches.arrived]
    comings.renewed += [gate.renewed, binds.renewed]
    comings.left += [residents.left, gate.left]
    membership.star_gone += [places.star_gone]
    membership.layout_changed += [remotes.layout_changed, board.layout_changed]
    troubles.sources |= {"the registry": registry.troubles, "the change feed": feed.held_up}
    membership.lease_lost += [homes.lease_lost, feed.lost]

    # -- opening ------------------------------------------------------------------------------------------
    closing(stack, "the lanes", board.close)
    closing(stack, "what waits for answers", pending.close)
    closing(stack, "the worker pool", pool.close)
    closing(stack, "the watches", watches.close)
    with plugins.opening("policy", name):
        await policy.open(PolicyView(registry, records.get))
    closing(stack, "the change feed", feed.close)
    await feed.start()
    with plugins.opening("transport", config.lanes.driver if given.transport is None else type(transport).__name__):
        await board.open(list(stars.values()), home, inbound)
    membership.listening = Listening(board.address, board.server_key)
    drivers.make()
    machine_particle = MachineParticle(
        status=status,
        rebalancer=rebalancer,
        records=records,
        gate=gate,
        watches=watches,
        tracing=tracing,
        dump=dump,
        request_stop=given.request_stop,
    )
    globals_ |= pin_system_particles(
        homes,
        homes[home.key],
        gate,
        watches,
        tracing,
        ExecutorParticle(commands),
        machine_particle,
        UsersParticle(commands.about_access, sessions.identity_at),
    )
    return Parts(
        config=config,
        data_dir=given.data_dir,
        lock=lock,
        registry=registry,
        transport=transport,
        policy=policy,
        interceptors=interceptors,
        pool=pool,
        deadlines=deadlines,
        home=home,
        stars=stars,
        served=served,
        homes=homes,
        places=places,
        records=records,
        selections=selections,
        directory=directory,
        ways=ways,
        membership=membership,
        board=board,
        pending=pending,
        requests=requests,
        remotes=remotes,
        gate=gate,
        binds=binds,
        watches=watches,
        candidates=candidates,
        provisioner=provisioner,
        rebalancer=rebalancer,
        commands=commands,
        outbounds=outbounds,
        inbound=inbound,
        feed=feed,
        drivers=drivers,
        sweeper=IdleSweeper(homes, served, config.stop_deadline),
        status=status,
        sessions=sessions,
        gateways=gateways,
        globals=globals_,
    )


def _policy_settings(config: Config) -> dict[str, Any]:
    """What is for the policy; how long it may take is for the gate."""
    return {key: value for key, value in config.security.settings.items() if key != "timeout"}


def _policy_timeout(config: Config) -> float:
    """Seconds that an answer of the policy may take. Raises ConfigError."""
    seconds = config.security.settings.get("timeout", _POLICY_SECONDS)
    if type(seconds) not in (int, float) or not 0 < seconds < math.inf:
        fault = Fault("security.timeout", f"must be a number of seconds, more than 0, not {seconds!r}")
        raise ConfigError(faults=[str(fault)])
    return float(seconds)
