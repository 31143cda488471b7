"""The settings of the ``postgres`` registry: the table ``[registry]`` in the config."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs

from hyperverse_core.errors import ConfigError, did_you_mean

__all__ = ["PostgresSettings"]

_SCHEMES: Final = ("postgresql", "postgres")
_OPTIONS: Final = (
    "host", "port", "user", "password", "passfile", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl",
    "ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs", "application_name",
)  # fmt: skip
_FORM: Final = "postgresql://USER:PASSWORD@HOST/DATABASE"  # pragma: allowlist secret - names of parts
_ESCAPES: Final = "in USER and PASSWORD write %40 for @, %2F for /, %3A for :, %23 for #, %3F for ? and %25 for %"
_MALFORMED: Final = "it is malformed; a password with special characters has to be escaped"
_NO_PORT: Final = "its port is not a number from 1 to 65535"
_BRACKETS: Final = "it is malformed; an IPv6 address has to be in brackets, as in [::1]:5432"
_NO_HOST: Final = "it names no host; for a Unix socket write postgresql:///DATABASE?host=/FOLDER"
_HOST: Final = re.compile(r"(?P<name>\[[^\]]+\]|[^:\[\]]*)(:(?P<port>[0-9]{1,9}))?")
_PORT: Final = 5432
_FILES: Final = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_WRITABLE: Final = ("primary", "read-write", "any")
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")


@attrs.frozen(kw_only=True)
class PostgresSettings:
    """The table ``[registry]``.

    Attributes:
        url: URL of the database.
        password: password of the user, when the URL has none.
        schema: schema of the database that holds the tables. It is created if it does not exist.
        feed: minimum number of entries that the change feed keeps.
        pooler: whether there is a pooler in transaction mode, such as PgBouncer, in front of the server.
        where: the database as errors name it, without user and password.
        servers: host or folder, and port, of each server; if there are several, one is the primary.
        target: which of them may be used: the option ``target_session_attrs`` of the URL.
    """

    url: str = attrs.field(repr=False)
    password: str | None = attrs.field(default=None, repr=False)
    schema: str = "public"
    feed: int = 100_000
    pooler: bool = False
    where: str = ""
    servers: tuple[tuple[str, int], ...] = ()
    target: str = ""

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> PostgresSettings:
        """Returns the settings in a mapping, which has ``url`` and may have the other keys.

        Raises:
            ConfigError: something is wrong; ``faults`` has a line for each fault, and no line contains the password.
        """
        faults = [
            f"no setting {key!r} of the postgres registry{did_you_mean(key, _KEYS)}"
            for key in settings
            if key not in _KEYS and (key != "path" or "url" in settings)  # without a url, the path is a default
        ]
        for key, (kind, said) in _KEYS.items():
            value = settings.get(key)
            if key in settings and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
                shown = "that" if key in ("url", "password") else repr(value)
                faults.append(f"{key} of the postgres registry cannot be {shown}: it is {said}")
        if "url" not in settings:
            faults.append(f"the postgres registry needs a url: {_FORM}")
        if faults:
            raise ConfigError(faults=faults, hint=f"known: {', '.join(_KEYS)}")
        schema, feed = settings.get("schema", "public"), settings.get("feed", 100_000)
        if not _NAME.fullmatch(schema):
            faults.append(f"schema of the postgres registry cannot be {schema!r}: use lower-case letters, digits and _")
        if feed < 1:
            faults.append(f"feed of the postgres registry cannot be {feed!r}: it must be at least 1")
        url = _read_url(settings["url"])
        if url.wrong:
            faults.append(f"url of the postgres registry: {url.wrong}")
        if faults:
            raise ConfigError(faults=faults, hint=f"a url is {_FORM}; {_ESCAPES}")
        return cls(
            url=str(settings["url"]),
            password=settings.get("password"),
            schema=schema,
            feed=feed,
            pooler=settings.get("pooler", False),
            where=f"{url.database!r} at {url.hosts}",
            servers=url.servers,
            target=url.target,
        )


_KEYS: Final[Mapping[str, tuple[Any, str]]] = {
    "url": (str, _FORM),
    "password": (str, "a text"),
    "schema": (str, "the name of a schema"),
    "feed": (int, "a number of entries"),
    "pooler": (bool, "true or false"),
}


@attrs.frozen(kw_only=True)
class _Url:
    """What a URL says. ``wrong`` is what is wrong with it, and never quotes it: it may contain a password anywhere."""

    database: str = ""
    hosts: str = ""
    servers: tuple[tuple[str, int], ...] = ()
    target: str = ""
    wrong: str = ""


def _read_url(url: str) -> _Url:
    scheme, _, rest = url.partition("://")
    if scheme.lower() not in _SCHEMES or not rest:
        return _Url(wrong="it does not begin with postgresql://")
    if not rest.isprintable():
        return _Url(wrong="it has a character that cannot be seen, such as the end of a line")
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
    except ValueError:
        return _Url(wrong=_MALFORMED)
    if (
        parts.netloc.count("@") > 1
        or "@" in parts.path
        or "@" in parts.fragment
        or "@" in parts.query.partition("host=")[0]
        or parts.fragment
    ):
        return _Url(wrong=_MALFORMED)
    hosts, in_options = parts.netloc.rpartition("@")[2], options.get("host", "")
    database = unquote(parts.path.lstrip("/"))
    wrong = _wrong_with_hosts(hosts) or _wrong_with_options(options)
    if not wrong and not hosts and not in_options:
        wrong = _NO_HOST
    if not wrong and not database:
        wrong = "it names no database"
    if wrong:
        return _Url(wrong=wrong)
    return _Url(
        database=database,
        hosts=hosts or ":".join(options[key] for key in ("host", "port") if key in options),
        servers=_servers(hosts or in_options, options.get("port", "")),
        target=options.get("target_session_attrs", ""),
    )


def _servers(hosts: str, ports: str) -> tuple[tuple[str, int], ...]:
    """Returns host or folder, and port, of each server."""
    others = ports.split(",")
    found = [(at, _HOST.fullmatch(one)) for at, one in enumerate(hosts.split(","))]
    return tuple(
        (unquote(one["name"].strip("[]")), int(one["port"] or others[at % len(others)] or _PORT))
        for at, one in found
        if one is not None
    )


def _wrong_with_hosts(hosts: str) -> str:
    for one in hosts.split(","):
        found = _HOST.fullmatch(one)
        if found is None:
            return _BRACKETS if one.count(":") > 1 else _MALFORMED
        if not found["name"] and hosts:
            return _NO_HOST
        if found["port"] is not None and not _is_port(found["port"]):
            return _NO_PORT
    return ""


def _wrong_with_options(options: Mapping[str, str]) -> str:
    unknown = [key for key in options if key not in _OPTIONS]
    if unknown:
        return f"it has an unknown option{did_you_mean(unknown[0], _OPTIONS)}; known: {', '.join(_OPTIONS)}"
    if not all(_is_port(port) for port in options.get("port", "").split(",") if port):
        return _NO_PORT
    if options.get("target_session_attrs", _WRITABLE[0]) not in _WRITABLE:
        return f"its target_session_attrs must be one of {', '.join(_WRITABLE)}, because the registry writes"
    for key in _FILES:
        if key in options and not os.access(options[key], os.R_OK):
            return f"the file that its option {key} names cannot be read"
    return ""


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < int(text[:9]) < 65536
