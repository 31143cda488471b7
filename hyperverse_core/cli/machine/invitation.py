"""The invitation with which ``hyperverse up`` starts a machine: the checks that are possible before anything is
created."""

from __future__ import annotations

from typing import Final

from ...config import Config
from ...errors import ConfigError

__all__ = ["INVITATION", "check_invitation"]

INVITATION: Final = "HYPERVERSE_INVITATION"
"""The variable with the text of an invitation."""


def check_invitation(config: Config, where: str) -> None:
    """Refuses an invitation that is of no use.

    Args:
        config: configuration of the machine.
        where: the source of the invitation, for errors, which reveal nothing of the invitation itself.

    Raises:
        ConfigError: the invitation is empty, or the machine would create a registry of its own, which has invited
            nobody.
    """
    if not config.invitation:
        raise ConfigError(
            f"the invitation in {where} is empty",
            hint="`hyperverse machines invite` on a machine of the Hyperverse prints one",
        )
    assert config.data_dir is not None  # load_config fills it in
    own = config.data_dir / "registry.sqlite"
    named = config.registry != Config().registry
    if not named and not own.exists():
        raise ConfigError(
            "an invitation needs the registry of the Hyperverse, and none is configured here",
            hint="name the registry of the inviting machine: `url` in [registry], or --join URL",
        )
