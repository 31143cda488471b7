"""The settings of the ``postgres`` registry: the table ``[registry]`` in the config."""

from __future__ import annotations

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
    """

    url: str = attrs.field(repr=False)
    password: str | None = attrs.field(default=None, repr=False)
    schema: str = "public"
    feed: int = 100_000
    pooler: bool = False
    where: str = ""

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
        where, wrong = _look_at(settings["url"])
        if wrong:
            faults.append(f"url of the postgres registry: {wrong}")
        if faults:
            raise ConfigError(faults=faults, hint=f"a url is {_FORM}; {_ESCAPES}")
        return cls(
            url=str(settings["url"]),
            password=settings.get("password"),
            schema=schema,
            feed=feed,
            pooler=settings.get("pooler", False),
            where=where,
        )


_KEYS: Final[Mapping[str, tuple[Any, str]]] = {
    "url": (str, _FORM),
    "password": (str, "a text"),
    "schema": (str, "the name of a schema"),
    "feed": (int, "a number of entries"),
    "pooler": (bool, "true or false"),
}


def _look_at(url: str) -> tuple[str, str]:
    """Returns the database of a URL as errors name it, and what is wrong with the URL. The second never quotes the URL,
    which may contain a password anywhere."""
    scheme, _, rest = url.partition("://")
    if scheme.lower() not in _SCHEMES or not rest:
        return "", "it does not begin with postgresql://"
    if not rest.isprintable():
        return "", "it has a character that cannot be seen, such as the end of a line"
    try:
        parts = urlsplit(url)
        host = parts.hostname
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
    except ValueError:
        return "", _MALFORMED
    if (
        parts.netloc.count("@") > 1
        or "@" in parts.path
        or "@" in parts.fragment
        or "@" in parts.query.partition("host=")[0]
        or parts.fragment
    ):
        return "", _MALFORMED
    try:
        port = parts.port
    except ValueError:
        digits = parts.netloc.rpartition(":")[2].isdecimal()
        return "", "its port is not a number from 1 to 65535" if digits else _MALFORMED
    unknown = [key for key in options if key not in _OPTIONS]
    if unknown:
        return "", f"it has an unknown option{did_you_mean(unknown[0], _OPTIONS)}; known: {', '.join(_OPTIONS)}"
    host = options.get("host", host or "")
    if not host:
        return "", "it names no host; for a Unix socket write postgresql:///DATABASE?host=/FOLDER"
    database = unquote(parts.path.lstrip("/"))
    if not database:
        return "", "it names no database"
    at = host if port is None and "port" not in options else f"{host}:{options.get('port', port)}"
    return f"{database!r} at {at}", ""
