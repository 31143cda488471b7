"""The invitation with which ``hyperverse up`` starts a machine: where it is read, and the checks that are possible
before anything is created."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import click

from ...config import Config
from ...errors import ConfigError
from ..terminal.usage import looks_invited

__all__ = ["INVITATION", "InvitationFile", "check_invitation", "take_invitation"]

INVITATION: Final = "HYPERVERSE_INVITATION"
"""The variable with the text of an invitation."""
_LARGEST: Final = 64 * 1024


class InvitationFile(click.Path):
    """The path of a file with an invitation. The text of an invitation in its place is refused, and not quoted."""

    def __init__(self) -> None:
        super().__init__(exists=True, dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if looks_invited(str(value)) and not Path(value).exists():
            self.fail(
                "it takes the path of a file, and not the invitation itself: all users of this computer can see an "
                f"argument in the process list.\n  hint: write it to a file, or put it into the variable {INVITATION}"
            )
        return super().convert(value, param, ctx)


def take_invitation(file: Path | None) -> dict[str, str] | None:
    """Returns the reference to the invitation for the configuration; None without one.

    A file is read once, so it may be a pipe. Its text is in the environment from then on, where further processes of
    this machine find it.

    Args:
        file: the file that the user named, or None.

    Raises:
        ConfigError: the file cannot be read.
    """
    if file is not None:
        try:
            with file.open("rb") as opened:
                os.environ[INVITATION] = opened.read(_LARGEST).decode().strip()
        except (OSError, ValueError) as exc:  # NUL cannot be in a variable
            why = exc.strerror if isinstance(exc, OSError) else "it is not a text"
            raise ConfigError(f"the invitation in {file} cannot be read: {why}") from exc
    elif not os.environ.get(INVITATION):
        return None
    return {"env": INVITATION}


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
