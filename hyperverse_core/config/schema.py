"""The configuration as values: one class for each table of ``hyperverse.toml``.

Every class checks its values when an object is created, in Python as well as from a file, and raises one ConfigError
that lists all faults.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs

from ..errors import ConfigError, ParseError, did_you_mean
from ..universe.address.star_key import StarKey
from .check import Fault, faults_of_fields, setting

__all__ = [
    "DEFAULT_TRANSPORT",
    "STANDALONE",
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
DEFAULT_TRANSPORT = "zmq"
"""The lane transport of machines and clients that choose no other."""
_MACHINE_LANE_SETTINGS = frozenset({"address", "advertise", "machine_credentials"})
"""Keys of ``[lanes]`` that are for the machine and not for its transport: where the machine listens, the address that
others connect to when it is a different one, and what it shows to others when the transport does not prove its key."""
_NAME = re.compile(r"[a-z][a-z0-9]*")
_MACHINE_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_CAMEL = re.compile(r"[A-Z][A-Za-z0-9]*")
_LINK = re.compile(r"([a-z][a-z0-9]*)(?:\[(\d+)\])?")


def _name(value: str) -> str:
    if _NAME.fullmatch(value):
        return ""
    return f"{value!r} is not a name: use lower-case letters and digits, a letter first"


def _machine_name(value: str) -> str:
    if _MACHINE_NAME.fullmatch(value):
        return ""
    return f"{value!r} is not a name: use lower-case letters and digits, with hyphens between, a letter first"


def _camel(value: str) -> str:
    return (
        ""
        if _CAMEL.fullmatch(value)
        else f"{value!r} is not the name of a kind: write it in CamelCase, such as 'Central'"
    )


def _filled(value: str) -> str:
    return "" if value else "must not be empty"


def _positive(value: float) -> str:
    return "" if value > 0 else f"must be more than 0, not {value!r}"


def _not_negative(value: float) -> str:
    return "" if value >= 0 else f"must be 0 or more, not {value!r}"


def _camel_keys(value: Mapping[str, Any]) -> str:
    return next((said for said in map(_camel, value) if said), "")


def _texts(value: Mapping[str, Any]) -> str:
    wrong = sorted(str(name) for name, text in value.items() if not isinstance(text, str))
    return f"must be texts: {', '.join(wrong)}" if wrong else ""


def _number(value: Any) -> Any:
    return float(value) if type(value) is int else value


def _opt_path(value: Any) -> Any:
    return Path(value).expanduser() if isinstance(value, str) else value


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, (list, frozenset, set)) else value


def _table(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


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
        """Returns what is wrong between fields that are valid by themselves."""
        return []


@attrs.frozen
class Choice(_Checked):
    """The choice of a registry, a transport or a policy, with its settings: the table ``[registry]`` and its like.

    Attributes:
        driver: name under which a plugin registered it.
        settings: all other keys of the table, which the plugin's factory gets unchanged.
    """

    driver: str = setting(rule=_filled)
    settings: Mapping[str, Any] = attrs.field(factory=dict, converter=_table)


def _choice(value: str | Choice) -> Choice:
    return Choice(value) if isinstance(value, str) else value


@attrs.frozen
class Control(_Checked):
    """Access for clients outside of the process: ``[control]``.

    Attributes:
        enabled: whether clients can connect.
        address: where the machine listens for them, in the notation of the lane transport; empty for a socket in the
            data directory.
    """

    enabled: bool = True
    address: str = ""


@attrs.frozen
class StarTemplate(_Checked):
    """A star that a machine runs: ``[[stars]]``.

    Attributes:
        name, index: its key in the constellation: ``fold[0]``. In TOML ``count = 3`` stands for the indexes 0 to 2.
        kind: its star kind, such as ``Fold``.
        links: stars to which it has lanes: ``nexus`` for all stars of that name, ``nexus[0]`` for one, or a whole star
            key. A lane carries waves both ways, so one end is enough.
        machine: name of the machine that runs the star; empty for every machine that reads this configuration, each
            with an index of its own. To move the star, write the name of another machine.
    """

    name: str = setting(rule=_name)
    kind: str = setting(rule=_camel)
    index: int = setting(0, rule=_not_negative)
    links: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    machine: str = setting("", rule=lambda value: _machine_name(value) if value else "")


STANDALONE: tuple[StarTemplate, ...] = (
    StarTemplate("central", "Central", links=("nexus",)),
    StarTemplate("super", "Super", links=("nexus",)),
    StarTemplate("nexus", "Nexus", links=("nexus",)),
    StarTemplate("maelstrom", "Maelstrom", links=("nexus",)),
    StarTemplate("scribe", "Scribe", links=("nexus",)),
    StarTemplate("jump", "Jump", links=("nexus",)),
    StarTemplate("fold", "Fold", links=("nexus",)),
)
"""The stars of a machine that is a whole Hyperverse, one of each star kind (docs/reference/config.md#stars-stars).
The machine adds its Machine star."""


@attrs.frozen
class KindSettings(_Checked):
    """Settings for the particles of one Kind: ``[kinds.KIND]``.

    Attributes:
        placement: name of a placement strategy; None for the choice of the driver.
        idle_after: seconds without a wave after which a particle leaves memory; None for the choice of the driver.
    """

    placement: str | None = setting(None, rule=_filled)
    idle_after: float | None = setting(None, rule=_positive, converter=_number)


@attrs.frozen
class Plugins(_Checked):
    """The choice of plugins: ``[plugins]``.

    Attributes:
        disable: names of plugins to leave out.
        only: names of plugins to load; empty for all. A plugin that a program hands over loads in any case.
        require: names of plugins without which the machine does not start.
        local: whether ``hyperverse_local.py`` is a plugin.
        folder: folder of that file; None for the folder of the config file.
        load_seconds: seconds that a plugin may take to be imported and to register.
    """

    disable: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    only: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    require: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    local: bool = False
    folder: Path | None = attrs.field(default=None, converter=_opt_path)
    load_seconds: float = setting(20.0, rule=_positive, converter=_number)


@attrs.frozen
class Limits(_Checked):
    """Limits of a machine: ``[limits]``. A request beyond one is answered with an error.

    Attributes:
        waves: requests in flight on the machine; 503 beyond.
        mailbox: waves that wait for one particle, unless its driver sets another limit; 503 beyond.
        body: size of a wave's body in bytes; 413 beyond.
        chain: length of a chain of handlers that wait for one another; 508 beyond.
        hops: number of lanes that a wave crosses; 508 beyond.
        client_waves: requests in flight of one client; 429 beyond.
    """

    waves: int = setting(100_000, rule=_positive)
    mailbox: int = setting(4096, rule=_positive)
    body: int = setting(4 * MIB, rule=_positive)
    chain: int = setting(32, rule=_positive)
    hops: int = setting(32, rule=_positive)
    client_waves: int = setting(4096, rule=_positive)


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
    rotate_bytes: int = setting(10 * MIB, rule=_positive)
    rotate_backups: int = setting(5, rule=_not_negative)


@attrs.frozen
class Config(_Checked):
    """The configuration of a machine. See docs/reference/config.md.

    Attributes:
        name: name of the machine, unique in its Hyperverse.
        constellation: name of the constellation to which its stars belong.
        data_dir: directory of its files; None for a default that depends on the working directory.
        labels: texts by name that placement strategies of all machines see.
        seed: seed of the machine's random choices; None for a new one at each start.
        registry, lanes, security: choice of the registry, the lane transport and the policy.
        control: access for clients.
        stars: the stars that the machine runs.
        kinds: settings by Kind.
        placements: settings of placement strategies by their names.
        drivers: settings of drivers by Kind.
        gateways: settings of gateways by their names; the machine opens those that are named here.
        plugins: choice of plugins.
        limits: limits of the machine.
        lease: seconds for which the directory keeps a star that does not renew its entry.
        idle_after: seconds without a wave after which a particle leaves memory.
        stop_deadline: seconds that a graceful stop may take.
        log: the log of the machine.

    Raises:
        ConfigError: a value is wrong. ``faults`` has one line for each fault.

    Example::

        Config(name="alpha", registry=Choice("sql", {"path": "registry.sqlite"}), lease=5)
    """

    name: str = setting("local", rule=_machine_name)
    constellation: str = setting("central", rule=_name)
    data_dir: Path | None = attrs.field(default=None, converter=_opt_path)
    labels: Mapping[str, str] = setting(factory=dict, converter=_table, rule=_texts)
    seed: int | None = None
    registry: Choice = attrs.field(default=Choice("sql"), converter=_choice)
    lanes: Choice = attrs.field(default=Choice(DEFAULT_TRANSPORT), converter=_choice)
    security: Choice = attrs.field(default=Choice("grants"), converter=_choice)
    control: Control = Control()
    stars: tuple[StarTemplate, ...] = attrs.field(default=STANDALONE, converter=_tuple)
    kinds: Mapping[str, KindSettings] = setting(factory=dict, converter=_table, rule=_camel_keys)
    placements: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict, converter=_table)
    drivers: Mapping[str, Mapping[str, Any]] = setting(factory=dict, converter=_table, rule=_camel_keys)
    gateways: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict, converter=_table)
    plugins: Plugins = Plugins()
    limits: Limits = Limits()
    lease: float = setting(2.0, rule=_positive, converter=_number)
    idle_after: float = setting(300.0, rule=_positive, converter=_number)
    stop_deadline: float = setting(10.0, rule=_positive, converter=_number)
    log: Log = Log()

    def registry_settings(self, data_dir: Path) -> dict[str, Any]:
        """Returns the settings for the factory of the registry: those of ``[registry]``, and the path of a file in
        ``data_dir`` when they have neither ``path`` nor ``url``."""
        settings = dict(self.registry.settings)
        if "path" not in settings and "url" not in settings:
            settings["path"] = str(data_dir / "registry.sqlite")
        return settings

    def transport_settings(self) -> dict[str, Any]:
        """Returns the settings for the factory of the transport: ``[lanes]`` without the keys for the machine."""
        return {key: value for key, value in self.lanes.settings.items() if key not in _MACHINE_LANE_SETTINGS}

    def faults(self) -> list[Fault]:
        """Returns faults for stars that occur twice and for links to stars that do not exist."""
        return star_faults(self.stars)


def star_faults(stars: Sequence[StarTemplate]) -> list[Fault]:
    """Returns what is wrong between the stars of one configuration."""
    faults: list[Fault] = []
    seen: set[tuple[str, int]] = set()
    for position, star in enumerate(stars):
        where = f"stars[{position}]"
        if (star.name, star.index) in seen:
            faults.append(
                Fault(where, f"there are two stars '{star.name}[{star.index}]'", "give one of them another index")
            )
        seen.add((star.name, star.index))
    names = sorted({name for name, _ in seen})
    for position, star in enumerate(stars):
        for number, link in enumerate(star.links):
            said = _link_fault(star, link, seen, names)
            if said:
                faults.append(Fault(f"stars[{position}].links[{number}]", said))
    return faults


def _link_fault(star: StarTemplate, link: str, stars: set[tuple[str, int]], names: Sequence[str]) -> str:
    if link.startswith("STAR::"):
        return _key_fault(link)
    found = _LINK.fullmatch(link)
    if found is None:
        return f"{link!r} does not name a star: write 'nexus' or 'nexus[0]'"
    name, index = found.group(1), found.group(2)
    if name not in names:
        return f"there is no star {name!r}{did_you_mean(name, names) or '; known: ' + ', '.join(names)}"
    if index is not None and (name, int(index)) not in stars:
        return f"there is no star {link!r}"
    if index is not None and (name, int(index)) == (star.name, star.index):
        return f"the star {link!r} has a link to itself"
    return ""


def _key_fault(text: str) -> str:
    try:
        StarKey.parse(text)
    except ParseError as exc:
        return f"{text!r} is not a star key: {exc.message}"
    return ""
