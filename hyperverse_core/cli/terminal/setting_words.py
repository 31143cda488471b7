"""Options that people type and that are settings of the configuration here."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final

import attrs

__all__ = ["where_set"]

_TABLES: Final = {
    **dict.fromkeys(("lanes", "lane", "transport", "broker"), "lanes"),
    **dict.fromkeys(("registry", "database", "store", "storage"), "registry"),
    **dict.fromkeys(("security", "policy"), "security"),
    **dict.fromkeys(("blobs", "blob"), "blobs"),
    "control": "control",
    **dict.fromkeys(("limits", "limit"), "limits"),
    "log": "log",
    "audit": "audit",
    "plugins": "plugins",
}
"""Tables of the configuration, by the words that begin an option about them."""
_CHOICES: Final = ("lanes", "registry", "security", "blobs", "control")
"""Tables that choose an implementation by their key ``driver``."""
_OF_DRIVERS: Final = {
    **dict.fromkeys(("url", "schema", "pooler"), "registry"),
    **dict.fromkeys(("servers", "credentials", "nkey", "tls_ca", "tls_cert", "tls_key", "advertise"), "lanes"),
}
"""Settings of drivers that people look for most, with their tables."""
_SAME: Final = {"server": "servers", "database": "url"}
_EXAMPLES: Final = {
    "lanes.driver": '"nats"',
    "registry.driver": '"postgres"',
    "registry.url": '"postgresql://USER@HOST/DATABASE"',
    "lanes.servers": '"nats://HOST"',
}


def where_set(option: str, *, of_machine: bool, nearly: bool = False) -> str:
    """Returns how to set in the configuration what somebody typed as an option; empty when it is no setting.

    Args:
        option: the option, such as ``--lanes-driver``.
        of_machine: whether the command starts a machine. Only there can a setting without a table be meant.
        nearly: whether the key may be misspelled.
    """
    if not option.startswith("--"):
        return ""
    word = option.lstrip("-").partition("=")[0].replace("-", "_").replace(".", "_").lower()
    if word == "driver":
        tables = ", ".join(f"[{table}]" for table in _CHOICES)
        return f'`driver` is a setting: write `driver = "NAME"` in hyperverse.toml, below one of {tables}'
    found = _table_and_key(_SAME.get(word, word), of_machine, nearly)
    return _advice(*found) if found is not None else ""


def _table_and_key(word: str, of_machine: bool, nearly: bool) -> tuple[str, str] | None:
    """Returns the table and the key that the word names; the table is empty for a setting without one."""
    if word in _OF_DRIVERS:
        return _OF_DRIVERS[word], word
    if _TABLES.get(word) in _CHOICES:
        return _TABLES[word], "driver"
    for begin, table in _TABLES.items():
        key = word.removeprefix(f"{begin}_")
        meant = _meant(_SAME.get(key, key), _keys(table), nearly) if key != word else ""
        if meant:
            return table, meant
    meant = _meant(word, _top_keys(), nearly) if of_machine else ""
    return ("", meant) if meant else None


def _meant(word: str, keys: frozenset[str], nearly: bool) -> str:
    """Returns the key that is ``word`` or, if ``nearly``, spelled much like it; empty if there is none."""
    if word in keys or not nearly:
        return word if word in keys else ""
    return "".join(get_close_matches(word, sorted(keys), n=1, cutoff=0.8))


def _keys(table: str) -> frozenset[str]:
    from ...config import schema  # only a wrong option needs it

    of_drivers = {key for key, of in _OF_DRIVERS.items() if of == table}
    value = getattr(schema.Config(), table)
    if isinstance(value, schema.Choice):
        return frozenset({"driver", *of_drivers})
    return frozenset(attrs.fields_dict(type(value)))


def _top_keys() -> frozenset[str]:
    from ...config import schema

    return frozenset(attrs.fields_dict(schema.Config)) - frozenset(_TABLES.values())


def _advice(table: str, key: str) -> str:
    path = f"{table}.{key}" if table else key
    value = _EXAMPLES.get(path, "...")
    below = f"below [{table}]" if table else "at the top"
    variable = "HYPERVERSE__" + path.replace(".", "__").upper()
    return f"`{key}` is a setting: write `{key} = {value}` {below} of hyperverse.toml, or set {variable}"
