"""``hyperverse completion``: completion scripts of shells."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from ..terminal.options import common

__all__ = ["completion"]


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@common
def completion(shell: str) -> None:
    """Print a shell completion script.

    \b
    bash:  hyperverse completion bash > ~/.local/share/bash-completion/completions/hyperverse
    zsh:   hyperverse completion zsh > "${fpath[1]}/_hyperverse"
    fish:  hyperverse completion fish > ~/.config/fish/completions/hyperverse.fish
    """
    root = click.get_current_context().find_root().command
    made = get_completion_class(shell)
    assert made is not None  # click has all three
    print(made(root, {}, "hyperverse", "_HYPERVERSE_COMPLETE").source())
