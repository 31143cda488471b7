"""The configuration as values: one class for each table of ``hyperverse.toml``.

Every class checks its values when it is made, in Python as well as from a file, and raises one ConfigError
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
"""The lane transport of machines and clients that name no other."""
_MACHINE_LANE_SETTINGS = frozenset({"address", "advertise", "machine_credentials"})
"""Keys of ``[lanes]`` that are not for the transport: where the machine listens, where others find it when that is not
the same, and what it shows to them where the transport does not prove its key."""
_NAME = re.compile(r"[a-z][a-z0-9]*")
_CAMEL = re.compile(r"[A-Z][A-Za-z0-9]*")
_LINK = re.compile(r"([a-z][a-z0-9]*)(?:\[(\d+)\])?")


def _name(value: str) -> str:
    if _NAME.fullmatch(value):
        return ""
    return f"{value!r} is not a name: lower-case letters and digits, a letter first"


def _camel(value: str) -> str:
    return "" if _CAMEL.fullmatch(value) else f"{value!r} is not a Kind: CamelCase, such as 'Central'"


def _filled(value: str) -> str:
    return "" if value else "must not be empty"


def _positive(value: float) -> str:
    return "" if value > 0 else f"must be more than 0, not {value!r}"


def _not_negative(value: float) -> str:
    return "" if value >= 0 else f"must be 0 or more, not {value!r}"


def _camel_keys(value: Mapping[str, Any]) -> str:
    return next((said for said in map(_camel, value) if said), "")


def _number(value: Any) -> Any:
    return float(value) if type(value) is int else value


def _opt_path(value: Any) -> Any:
    return Path(value).expanduser() if isinstance(value, str) else value


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, (list, frozenset, set)) else value


def _table(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


class _Checked:
    """Mixed into every class here: what it is made of is checked."""

    __slots__ = ()

    def __attrs_post_init__(self) -> None:
        cls = type(self)
        values = {field.name: getattr(self, field.name) for field in attrs.fields(cls)}  # type: ignore[arg-type]  # each subclass is an attrs class
        faults = faults_of_fields(cls, values) or self.faults()
        if faults:
            raise ConfigError(faults=map(str, faults))

    def faults(self) -> list[Fault]:
        """What is wrong between fields that are fine by themselves."""
        return []


@attrs.frozen
class Choice(_Checked):
    """A plugin's thing by name, with its own settings: ``[registry] driver = "sql"`` and other keys there.

    Attributes:
        driver: the name that a plugin registered.
        settings: handed to the plugin's factory as they are.
    """

    driver: str = setting(rule=_filled)
    settings: Mapping[str, Any] = attrs.field(factory=dict, converter=_table)


def _choice(value: str | Choice) -> Choice:
    return Choice(value) if isinstance(value, str) else value


@attrs.frozen
class Control(_Checked):
    """The gate for clients outside of the process.

    Attributes:
        enabled: whether there is one.
        address: where it listens, in the notation of the lane transport; empty for a socket in the data
            directory.
    """

    enabled: bool = True
    address: str = ""


@attrs.frozen
class StarTemplate(_Checked):
    """A star to be run.

    Attributes:
        name, index: its place in the constellation: ``fold[0]``. In TOML ``count = 3`` makes indexes 0 to 2.
        kind: its star kind, such as ``Fold``.
        links: stars that it has lanes to: ``nexus`` for all of that name, ``nexus[0]`` for one, or a whole
            star key. A lane carries both ways, so that naming it at one end is enough.
        machine: name of the machine that runs it; empty for every machine that reads this, each with an index of
            its own. To move a star, write another name here.
    """

    name: str = setting(rule=_name)
    kind: str = setting(rule=_camel)
    index: int = setting(0, rule=_not_negative)
    links: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    machine: str = setting("", rule=lambda value: _name(value) if value else "")


STANDALONE: tuple[StarTemplate, ...] = (
    StarTemplate("central", "Central", links=("nexus",)),
    StarTemplate("super", "Super", links=("nexus",)),
    StarTemplate("nexus", "Nexus", links=("nexus",)),
    StarTemplate("maelstrom", "Maelstrom", links=("nexus",)),
    StarTemplate("scribe", "Scribe", links=("nexus",)),
    StarTemplate("jump", "Jump", links=("nexus",)),
    StarTemplate("fold", "Fold", links=("nexus",)),
)
"""The stars of a machine that is a whole Hyperverse (universe 2.4); the machine adds its Machine star."""


@attrs.frozen
class KindSettings(_Checked):
    """Settings for the particles of one Kind.

    Attributes:
        placement: name of a placement strategy; None for what the driver says.
        idle_after: seconds without a wave after which a particle leaves memory; None for what the driver
            says.
    """

    placement: str | None = setting(None, rule=_filled)
    idle_after: float | None = setting(None, rule=_positive, converter=_number)


@attrs.frozen
class Plugins(_Checked):
    """Which plugins are used.

    Attributes:
        disable: names of plugins that are left out.
        only: when it names any, all others are left out.
        require: names of plugins without which the machine must not start.
        local: whether ``hyperverse_local.py`` is a plugin.
        folder: where that file is; None for the folder of the config file.
    """

    disable: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    only: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    require: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    local: bool = False
    folder: Path | None = attrs.field(default=None, converter=_opt_path)


@attrs.frozen
class Limits(_Checked):
    """What may pile up before the answer is 503, 413 or 508.

    Attributes:
        waves: requests in flight on a machine.
        mailbox: waves that wait for one particle, unless its driver says otherwise.
        body: bytes of a wave's body.
        chain: handlers that wait for one another.
        hops: lanes that a wave may cross.
        client_waves: requests in flight of one client.
    """

    waves: int = setting(100_000, rule=_positive)
    mailbox: int = setting(4096, rule=_positive)
    body: int = setting(4 * MIB, rule=_positive)
    chain: int = setting(32, rule=_positive)
    hops: int = setting(32, rule=_positive)
    client_waves: int = setting(4096, rule=_positive)


@attrs.frozen
class Log(_Checked):
    """The machine's log.

    Attributes:
        format: ``text`` for people, ``json`` for one object a line.
        level: what is written, from this level on.
        rotate_bytes: size of a log file of a detached machine at which the next one begins.
        rotate_backups: how many full ones are kept.
    """

    format: Literal["text", "json"] = "text"
    level: Literal["debug", "info", "warning", "error"] = "info"
    rotate_bytes: int = setting(10 * MIB, rule=_positive)
    rotate_backups: int = setting(5, rule=_not_negative)


@attrs.frozen
class Config(_Checked):
    """Everything that a machine may be told. See docs/reference/config.md.

    Attributes:
        name: of the machine, unique in its Hyperverse.
        constellation: name of the constellation that its stars belong to.
        data_dir: where it keeps its files; None for a default that depends on where it is run.
        seed: of the machine's source of randomness; None for a different one each time.
        registry, lanes, security: which plugin's registry, lane transport and policy.
        control: the gate for clients.
        stars: the stars to run.
        kinds: settings by Kind.
        placements: the settings of placement strategies, by their names.
        drivers: the settings of drivers, by Kind.
        plugins: which plugins are used.
        limits: bounds.
        lease: seconds that a star's place in the directory is good for without renewal.
        idle_after: seconds without a wave after which a particle leaves memory.
        stop_deadline: seconds that stopping may take.
        log: the machine's log.
    """

    name: str = setting("local", rule=_name)
    constellation: str = setting("central", rule=_name)
    data_dir: Path | None = attrs.field(default=None, converter=_opt_path)
    seed: int | None = None
    registry: Choice = attrs.field(default=Choice("sql"), converter=_choice)
    lanes: Choice = attrs.field(default=Choice(DEFAULT_TRANSPORT), converter=_choice)
    security: Choice = attrs.field(default=Choice("grants"), converter=_choice)
    control: Control = Control()
    stars: tuple[StarTemplate, ...] = attrs.field(default=STANDALONE, converter=_tuple)
    kinds: Mapping[str, KindSettings] = setting(factory=dict, converter=_table, rule=_camel_keys)
    placements: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict, converter=_table)
    drivers: Mapping[str, Mapping[str, Any]] = setting(factory=dict, converter=_table, rule=_camel_keys)
    plugins: Plugins = Plugins()
    limits: Limits = Limits()
    lease: float = setting(2.0, rule=_positive, converter=_number)
    idle_after: float = setting(300.0, rule=_positive, converter=_number)
    stop_deadline: float = setting(10.0, rule=_positive, converter=_number)
    log: Log = Log()

    def registry_settings(self, data_dir: Path) -> dict[str, Any]:
        """What the registry's factory is given: ``[registry]``, with a file in ``data_dir`` when it names no place."""
        settings = dict(self.registry.settings)
        if "path" not in settings and "url" not in settings:
            settings["path"] = str(data_dir / "registry.sqlite")
        return settings

    def transport_settings(self) -> dict[str, Any]:
        """Returns what the transport's factory is given: ``[lanes]`` without what is for the machine itself."""
        return {key: value for key, value in self.lanes.settings.items() if key not in _MACHINE_LANE_SETTINGS}

    def faults(self) -> list[Fault]:
        """Stars that occur twice, and links that lead nowhere."""
        return star_faults(self.stars)


def star_faults(stars: Sequence[StarTemplate]) -> list[Fault]:
    """What is wrong between the stars of one config."""
    faults: list[Fault] = []
    seen: set[tuple[str, int]] = set()
    for position, star in enumerate(stars):
        where = f"stars[{position}]"
        if (star.name, star.index) in seen:
            faults.append(Fault(where, f"there are two stars '{star.name}[{star.index}]'", "give one another index"))
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
        return f"the star {link!r} links itself"
    return ""


def _key_fault(text: str) -> str:
    try:
        StarKey.parse(text)
    except ParseError as exc:
        return f"{text!r} is no star key: {exc.message}"
    return ""
