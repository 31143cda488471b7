"""The configuration as values: one class for each table of ``hyperverse.toml``.

Every class checks its values when an object is created, in Python as well as from a file, and raises one ConfigError
that lists all faults.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import attrs

from ..errors import ConfigError
from .check import Fault, faults_of_fields, setting
from .default_transport import DEFAULT_TRANSPORT, default_transport, transport_of_address
from .rules import (
    a_machine_name,
    a_name,
    filled,
    in_camel_case,
    keys_in_camel_case,
    not_negative,
    positive,
    texts,
    to_dict,
    to_float,
    to_path,
    to_secret,
    to_tuple,
)
from .star_faults import star_faults
from .url_schemes import transport_of_servers

__all__ = [
    "DEFAULT_BLOBS",
    "STANDALONE",
    "Audit",
    "Choice",
    "Config",
    "Control",
    "KindSettings",
    "Limits",
    "Log",
    "Plugins",
    "StarTemplate",
]

MIB = 1024 * 1024
DEFAULT_BLOBS = "files"
"""The blob store of machines for which no other is configured."""
_MACHINE_LANE_SETTINGS = frozenset({"address", "advertise", "machine_credentials"})
"""Keys of ``[lanes]`` that concern the machine and not its transport: the address that it listens on, the address that
others connect to if that differs, and the credential that it shows to others when the transport does not prove its
key."""


class _Checked:
    """Checks the values of a new object. Every class of this module has it as a base."""

    __slots__ = ()

    def __attrs_post_init__(self) -> None:
        cls = type(self)
        values = {field.name: getattr(self, field.name) for field in attrs.fields(cls)}  # type: ignore[arg-type]  # each subclass is an attrs class
        faults = faults_of_fields(cls, values) or self.faults()
        if faults:
            raise ConfigError(faults=map(str, faults))

    def faults(self) -> list[Fault]:
        """Returns faults in combinations of fields that are valid by themselves."""
        return []


@attrs.frozen
class Choice(_Checked):
    """The choice of a registry, a transport or a policy, with its settings: the table ``[registry]`` and its like.

    Attributes:
        driver: name under which a plugin registered it.
        settings: all other keys of the table, which the plugin's factory gets unchanged.
        named: False when the configuration does not name the driver, so that :meth:`Config.on` may choose another.
    """

    driver: str = setting(rule=filled)
    settings: Mapping[str, Any] = attrs.field(factory=dict, converter=to_dict)
    named: bool = setting(True, kw_only=True, eq=False, repr=False)


def _choice(value: str | Choice) -> Choice:
    return Choice(value) if isinstance(value, str) else value


@attrs.frozen
class Control(_Checked):
    """Access for clients outside of the process: ``[control]``.

    Attributes:
        enabled: whether clients can connect.
        driver: name of the transport for clients; empty for that of the lanes, or for the default transport when the
            lanes need a broker: so clients can connect while the broker is down. An address of another transport
            selects that one if ``[lanes]`` names no transport either.
        address: address to listen on for clients, in the notation of the transport; empty for a socket in the data
            directory.
        settings: all other keys of the table, which the factory of ``driver`` gets unchanged.
    """

    enabled: bool = True
    driver: str = ""
    address: str = ""
    settings: Mapping[str, Any] = attrs.field(factory=dict, converter=to_dict)

    def faults(self) -> list[Fault]:
        """Returns a fault when there are settings but no driver."""
        if self.settings and not self.driver:
            return [Fault("settings", "are for a driver, and none is named", "name it: driver = ...")]
        return []


@attrs.frozen
class StarTemplate(_Checked):
    """A star that a machine runs: ``[[stars]]``.

    Attributes:
        name, index: its key in the constellation: ``fold[0]``. In TOML ``count = 3`` stands for the indexes 0 to 2.
        kind: its star kind, such as ``Fold``.
        links: stars that it has lanes to: ``nexus`` for all stars of that name, ``nexus[0]`` for one, or a whole star
            key. A lane carries waves in both directions, so declare it on one side only.
        machine: name of the machine that runs the star; empty for every machine that reads this configuration, each
            with its own index. To move the star, write the name of another machine.
    """

    name: str = setting(rule=a_name)
    kind: str = setting(rule=in_camel_case)
    index: int = setting(0, rule=not_negative)
    links: tuple[str, ...] = attrs.field(default=(), converter=to_tuple)
    machine: str = setting("", rule=lambda value: a_machine_name(value) if value else "")


STANDALONE: tuple[StarTemplate, ...] = (
    StarTemplate("central", "Central", links=("nexus",)),
    StarTemplate("super", "Super", links=("nexus",)),
    StarTemplate("nexus", "Nexus", links=("nexus",)),
    StarTemplate("maelstrom", "Maelstrom", links=("nexus",)),
    StarTemplate("scribe", "Scribe", links=("nexus",)),
    StarTemplate("jump", "Jump", links=("nexus",)),
    StarTemplate("fold", "Fold", links=("nexus",)),
)
"""The stars of a machine that is a whole Hyperverse by itself: one of each star kind
(docs/reference/config.md#stars-stars). The machine adds its Machine star."""


@attrs.frozen
class KindSettings(_Checked):
    """Settings for the particles of one Kind: ``[kinds.KIND]``.

    Attributes:
        placement: name of a placement strategy; None for the one that the driver chooses.
        idle_after: seconds without a wave after which a particle leaves memory; None for what the driver chooses.
    """

    placement: str | None = setting(None, rule=filled)
    idle_after: float | None = setting(None, rule=positive, converter=to_float)


@attrs.frozen
class Plugins(_Checked):
    """The choice of plugins: ``[plugins]``.

    Attributes:
        disable: names of plugins not to load.
        only: names of the only plugins to load; empty for all. A plugin that a program passes in always loads.
        require: names of plugins without which the machine does not start.
        local: whether to load ``hyperverse_local.py`` as a plugin.
        folder: folder of that file; None for the folder of the config file.
        load_seconds: seconds that a plugin may take to be imported and to register.
    """

    disable: tuple[str, ...] = attrs.field(default=(), converter=to_tuple)
    only: tuple[str, ...] = attrs.field(default=(), converter=to_tuple)
    require: tuple[str, ...] = attrs.field(default=(), converter=to_tuple)
    local: bool = False
    folder: Path | None = attrs.field(default=None, converter=to_path)
    load_seconds: float = setting(20.0, rule=positive, converter=to_float)

    def may_load(self, name: str) -> bool:
        """Returns whether a plugin of that name loads, if it is installed."""
        return name not in self.disable and (not self.only or name in self.only)


@attrs.frozen
class Limits(_Checked):
    """Limits of a machine: ``[limits]``. A request that exceeds one is answered with an error.

    Attributes:
        waves: requests in flight on the machine; 503 beyond.
        mailbox: waves that wait for one particle, unless its driver sets another limit; 503 beyond.
        body: size of a wave's body in bytes; 413 beyond.
        chain: length of a chain of handlers that wait for one another; 508 beyond.
        hops: number of lanes that a wave crosses; 508 beyond.
        client_waves: requests in flight of one client; 429 beyond.
        agent_waves: requests in flight of all clients of one agent; 429 beyond.
        agent_bytes: bytes of memory that those requests may use; 429 beyond.
        agent_sessions: clients of one agent that may be connected; 429 beyond.
        agent_rate: waves per second of all clients of one agent other than the hyperuser; 429 beyond; 0 for no limit.
        agent_new_particles: particles per second that one agent other than the hyperuser creates; 429 beyond; 0 for no
            limit.
        agent_watches: aspects of particles that one agent watches through this machine; 429 beyond.
        mailbox_bytes: bytes of memory used by the Signals that wait for one particle; 503 beyond.
        bytes: bytes of memory that all requests of clients and all waiting Signals may use; 503 beyond.
    """

    waves: int = setting(100_000, rule=positive)
    mailbox: int = setting(4096, rule=positive)
    body: int = setting(4 * MIB, rule=positive)
    chain: int = setting(32, rule=positive)
    hops: int = setting(32, rule=positive)
    client_waves: int = setting(4096, rule=positive)
    agent_waves: int = setting(20_000, rule=positive)
    agent_bytes: int = setting(256 * MIB, rule=positive)
    agent_sessions: int = setting(2_000, rule=positive)
    agent_rate: float = setting(0.0, rule=not_negative, converter=to_float)
    agent_new_particles: float = setting(0.0, rule=not_negative, converter=to_float)
    agent_watches: int = setting(5_000, rule=positive)
    mailbox_bytes: int = setting(64 * MIB, rule=positive)
    bytes: int = setting(1024 * MIB, rule=positive)


@attrs.frozen
class Audit(_Checked):
    """The audit log of a machine: ``[audit]``. See docs/reference/audit.md.

    Attributes:
        enabled: whether the machine keeps an audit log.
        directory: directory of the logs, with a folder for each machine; None for ``audit`` in the data directory.
        rotate_bytes: size in bytes at which a new file is started.
        rotate_age: age in seconds at which a new file is started.
        keep: number of full files to keep; 0 for all.
    """

    enabled: bool = True
    directory: Path | None = attrs.field(default=None, converter=to_path)
    rotate_bytes: int = setting(10 * MIB, rule=positive)
    rotate_age: float = setting(7 * 86400.0, rule=positive, converter=to_float)
    keep: int = setting(100, rule=not_negative)


@attrs.frozen
class Log(_Checked):
    """The log of a machine: ``[log]``.

    Attributes:
        format: ``text`` for people, ``json`` for one object on each line.
        level: lowest level of the messages that are logged.
        rotate_bytes: size in bytes at which a detached machine starts a new log file.
        rotate_backups: number of full log files to keep.
    """

    format: Literal["text", "json"] = "text"
    level: Literal["debug", "info", "warning", "error"] = "info"
    rotate_bytes: int = setting(10 * MIB, rule=positive)
    rotate_backups: int = setting(5, rule=not_negative)


@attrs.frozen
class Config(_Checked):
    """The configuration of a machine. See docs/reference/config.md.

    Attributes:
        name: name of the machine, unique in its Hyperverse.
        constellation: name of the constellation that its stars belong to.
        data_dir: directory of its files; None for a default that depends on the working directory.
        labels: strings by name, which the placement strategies of all machines see.
        seed: seed of the machine's random choices; None for a new one at each start.
        registry, lanes, security: choice of the registry, the lane transport and the policy.
        blobs: choice of the blob store.
        control: access for clients, and the choice of their transport.
        stars: the stars that the machine runs.
        kinds: settings by Kind.
        placements: settings of placement strategies, by name of the strategy.
        drivers: settings of drivers, by Kind.
        gateways: settings of gateways, by name; the machine opens the gateways that are named here.
        plugins: choice of plugins.
        limits: limits of the machine.
        lease: seconds for which the directory keeps a star that does not renew its lease.
        idle_after: seconds without a wave after which a particle leaves memory.
        stop_deadline: seconds that a graceful stop may take.
        log: the log of the machine.
        audit: the audit log of the machine.
        invitation: invitation with which the machine joins the Hyperverse of its registry, once; empty for none.

    Raises:
        ConfigError: a value is invalid. ``faults`` has one line for each fault.

    Example::

        Config(name="alpha", registry=Choice("sql", {"path": "registry.sqlite"}), lease=5)
    """

    name: str = setting("local", rule=a_machine_name)
    constellation: str = setting("central", rule=a_name)
    data_dir: Path | None = attrs.field(default=None, converter=to_path)
    labels: Mapping[str, str] = setting(factory=dict, converter=to_dict, rule=texts)
    seed: int | None = None
    registry: Choice = attrs.field(default=Choice("sql"), converter=_choice)
    lanes: Choice = attrs.field(default=Choice(DEFAULT_TRANSPORT, named=False), converter=_choice)
    security: Choice = attrs.field(default=Choice("grants"), converter=_choice)
    blobs: Choice = attrs.field(default=Choice(DEFAULT_BLOBS), converter=_choice)
    control: Control = Control()
    stars: tuple[StarTemplate, ...] = attrs.field(default=STANDALONE, converter=to_tuple)
    kinds: Mapping[str, KindSettings] = setting(factory=dict, converter=to_dict, rule=keys_in_camel_case)
    placements: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict, converter=to_dict)
    drivers: Mapping[str, Mapping[str, Any]] = setting(factory=dict, converter=to_dict, rule=keys_in_camel_case)
    gateways: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict, converter=to_dict)
    plugins: Plugins = Plugins()
    limits: Limits = Limits()
    lease: float = setting(2.0, rule=positive, converter=to_float)
    idle_after: float = setting(300.0, rule=positive, converter=to_float)
    stop_deadline: float = setting(10.0, rule=positive, converter=to_float)
    log: Log = Log()
    audit: Audit = Audit()
    invitation: str = attrs.field(default="", repr=False, converter=to_secret)

    def registry_settings(self, data_dir: Path) -> dict[str, Any]:
        """Returns the settings for the factory of the registry: those of ``[registry]``, plus the path of a file in
        ``data_dir`` when they contain neither ``path`` nor ``url``."""
        settings = dict(self.registry.settings)
        if "path" not in settings and "url" not in settings:
            settings["path"] = str(data_dir / "registry.sqlite")
        return settings

    def blobs_settings(self, data_dir: Path) -> dict[str, Any]:
        """Returns the settings for the factory of the blob store: those of ``[blobs]``, plus a folder in ``data_dir``
        when the store is the one that uses a folder and they name none."""
        settings = dict(self.blobs.settings)
        if self.blobs.driver == DEFAULT_BLOBS:
            settings.setdefault("folder", str(data_dir / "blobs"))
        return settings

    def transport_settings(self) -> dict[str, Any]:
        """Returns the settings for the factory of the transport: ``[lanes]`` without the keys that concern the
        machine."""
        return {key: value for key, value in self.lanes.settings.items() if key not in _MACHINE_LANE_SETTINGS}

    def shares_transport(self) -> bool:
        """Whether clients use the transport of the lanes, as far as the configuration tells: the lanes may still turn
        out to need a broker. A table ``[control]`` with settings is a transport of its own."""
        return not self.control.settings and self.control.driver in ("", self.lanes.driver)

    def client_settings(self) -> dict[str, dict[str, Any]]:
        """Returns the settings of the transports that clients may have to use, by name of the transport."""
        found = {self.lanes.driver: self.transport_settings()}
        if not self.shares_transport():
            found[self.control.driver] = dict(self.control.settings)
        return found

    def on(self, data_dir: Path) -> Config:
        """Returns the configuration as it takes effect on a data directory.

        If no transport is named, the addresses determine it, or else the keys in the directory.

        Args:
            data_dir: the data directory.
        """
        lanes, control = self.lanes, self.control
        if lanes.named:
            return self
        driver = default_transport(
            data_dir, "machines/*.pub", lanes.settings.get("address"), may_load=self.plugins.may_load
        )
        by_address = transport_of_address(control.address)
        if not control.driver and by_address not in (None, driver):
            control = attrs.evolve(control, driver=by_address)
        return attrs.evolve(self, lanes=attrs.evolve(lanes, driver=driver, named=True), control=control)

    def faults(self) -> list[Fault]:
        """Returns faults for stars that occur twice, for links to stars that do not exist, for servers of an unknown
        form, and for servers under another name."""
        found = star_faults(self.stars)
        for key, value in self.lanes.settings.items() if not self.lanes.named else ():
            if key == "servers":
                cure = "or name the `driver` in [lanes]"
                found.append(Fault("lanes.servers", "must begin with nats:// or tls://", cure))
            elif transport_of_servers(value):
                found.append(Fault(f"lanes.{key}", "cannot be the URL of a NATS server", "write it as `servers`"))
        return found
