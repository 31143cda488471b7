"""The configuration of a machine, read from several layers, with the origin of each value.

The layers, from the weakest to the strongest: defaults, the user's file, the project's file (``hyperverse.toml`` or
``[tool.hyperverse]`` in ``pyproject.toml``, from the working directory upward), the environment, flags. See
docs/reference/config.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazily

if TYPE_CHECKING:
    from .check import Secret as Secret
    from .default_transport import DEFAULT_TRANSPORT as DEFAULT_TRANSPORT
    from .files import ValueOrigin as ValueOrigin
    from .loading import LoadedConfig as LoadedConfig
    from .loading import load_config as load_config
    from .schema import STANDALONE as STANDALONE
    from .schema import Audit as Audit
    from .schema import Choice as Choice
    from .schema import Config as Config
    from .schema import Control as Control
    from .schema import KindSettings as KindSettings
    from .schema import Limits as Limits
    from .schema import Log as Log
    from .schema import Plugins as Plugins
    from .schema import StarTemplate as StarTemplate
    from .search import default_data_dir as default_data_dir
    from .shown import dump as dump
    from .shown import without_secrets as without_secrets
else:
    __all__, __getattr__, __dir__ = lazily(
        __name__,
        __package__,
        {
            "check": "Secret",
            "default_transport": "DEFAULT_TRANSPORT",
            "files": "ValueOrigin",
            "loading": "LoadedConfig load_config",
            "schema": "Audit Choice Config Control KindSettings Limits Log Plugins STANDALONE StarTemplate",
            "search": "default_data_dir",
            "shown": "dump without_secrets",
        },
    )
