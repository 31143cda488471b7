"""The words of the command language, and a line of help for each."""

from __future__ import annotations

from typing import Final

__all__ = ["COMMAND_HELP", "COMMAND_WORDS"]

COMMAND_HELP: Final[dict[str, tuple[str, str]]] = {
    "create": (
        "POINT<KIND> [{+KEY=VALUE, ...}]",
        "Create a particle; create? keeps an existing one, create! updates it.",
    ),
    "delete": ("SELECTOR [dry-run]", "Delete particles and everything below them."),
    "select": ("SELECTOR [into points|stubs]", "List particles."),
    "get": ("POINT [{KEY, ...}]", "Print the state of a particle, or its properties."),
    "set": ("POINT {+KEY=VALUE, !KEY, ...}", "Set and unset properties."),
    "read": ("POINT", "Send Cmd<Read> to a particle."),
    "write": ("POINT BODY", "Send Cmd<Update> to a particle."),
    "ping": ("POINT [METHOD[PATH]] [BODY]", "Send a wave to a particle, and print its answer."),
    "signal": ("POINT METHOD[PATH] [BODY]", "Send a wave that is not answered."),
    "ripple": ("SELECTOR METHOD[PATH] [BODY]", "Send a wave to many particles."),
    "publish": ("^[ FILE ]-> POINT", "Upload a bundle."),
    "grant": ("perm|priv|super ... on SELECTOR to SELECTOR", "Give rights to agents."),
    "grants": ("[on SELECTOR] [to SELECTOR]", "List grants."),
    "revoke": ("NUMBER", "Revoke a grant."),
    "chown": ("SELECTOR to POINT", "Give particles to another owner."),
    "explain": ("AGENT on POINT [METHOD|COMMAND]", "Say what an agent may do on a particle, and why."),
    "access": ("POINT", "List who may do what on a particle."),
}
"""The arguments of each command, and what it does."""

COMMAND_WORDS: Final = tuple(COMMAND_HELP)
"""The words with which commands start."""
