"""The configuration in effect as plain tables, with what the chosen plugins declare about their settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...config import dump
from ...plugins.settings import SettingsInfo, settings_of

if TYPE_CHECKING:
    from ...config import Config
    from ...plugins import PluginSet

__all__ = ["settings_tables", "shown_config"]


def settings_tables(config: Config, plugins: PluginSet) -> Iterator[tuple[tuple[str, ...], SettingsInfo]]:
    """Yields the path of each table of settings that the configuration has or may have, and the declaration of its
    settings."""
    yield ("registry",), plugins.settings("registry", config.registry.driver)
    yield ("lanes",), plugins.settings("transport", config.lanes.driver)
    if not config.shares_transport():
        yield ("control",), plugins.settings("transport", config.control.driver)
    yield ("security",), plugins.settings("policy", config.security.driver)
    yield ("blobs",), plugins.settings("blob store", config.blobs.driver)
    for name in config.gateways:
        yield ("gateways", name), plugins.settings("gateway", name)
    for name in config.placements:
        yield ("placements", name), plugins.settings("placement", name)
    for kind in config.drivers:
        offer = plugins.offers.get(("driver", kind))
        yield ("drivers", kind), settings_of("driver", offer.value if offer is not None else None)


def shown_config(config: Config, plugins: PluginSet) -> dict[str, Any]:
    """Returns every value in effect, including the defaults of plain settings; every other setting of a plugin is shown
    as ``***``."""
    tables = list(settings_tables(config, plugins))
    plain = {".".join((*path, name)) for path, info in tables for name in info.plain}
    values = dump(config, plain)
    for path, info in tables:
        table = values
        for part in path:
            table = table[part]
        for name, default in info.defaults().items():
            table.setdefault(name, default)
    if config.data_dir is not None:
        for name, value in config.registry_settings(config.data_dir).items():
            values["registry"].setdefault(name, value if f"registry.{name}" in plain else "***")
        for name, value in config.blobs_settings(config.data_dir).items():
            values["blobs"].setdefault(name, value if f"blobs.{name}" in plain else "***")
    return values
