"""The keys of machines: each machine has one, and accepts those whose public keys are in ``DATA_DIR/keys/machines``, or
in ``DATA_DIR/keys/TRANSPORT/machines`` for a transport other than the default.

A machine stores its own public key there when it starts, so machines of one data directory know each other.
``hyperverse keys allow`` stores the key of a machine on another host there. In addition, the registry admits and
removes machines (``admission.py``): it takes precedence over a file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from ...contracts.lane import Identity, LaneTransport
from ...data_dir.private_file import read_private_file, write_private_file
from ...errors import ConfigError, Conflict, NotFound

__all__ = ["TrustedKeys"]


class TrustedKeys:
    """Key files of one data directory.

    Args:
        folder: see :func:`keys_folder`.
    """

    def __init__(self, folder: Path) -> None:
        self.directory = folder / "machines"
        self._known: dict[str, str] = {}
        self._shared: dict[str, str] = {}
        self._seen = 0

    def changed(self) -> bool:
        """Returns whether keys have been allowed or removed since the last call; if so, it discards the cached keys. It
        costs one check of the directory."""
        try:
            written = self.directory.stat().st_mtime_ns
        except OSError:
            written = 0
        if written == self._seen:
            return False
        self._seen = written
        self._known.clear()
        return True

    def own(self, name: str, transport: LaneTransport) -> Identity:
        """Returns the key pair of machine ``name``, and makes it if there is none. Raises ConfigError if it cannot be
        stored."""
        try:
            self._finish(name)
            secret = self.directory / f"{name}.secret"
            public = self.directory / f"{name}.pub"
            if secret.exists() and public.exists():
                return Identity(public.read_text().strip(), read_private_file(secret))
            made = transport.new_identity()
            write_private_file(secret, made.secret + "\n")
            write_private_file(public, made.public + "\n")
        except OSError as exc:
            raise ConfigError(f"the keys in {str(self.directory)!r} cannot be stored: {exc.strerror or exc}") from exc
        return made

    def replace(self, name: str, identity: Identity) -> None:
        """Stores another key pair for machine ``name``. If the process ends half-way, one of the two pairs remains, and
        the next start uses it. Raises ConfigError if it cannot be stored."""
        try:
            write_private_file(self._next(name), json.dumps([identity.public, identity.secret]) + "\n")
            self._finish(name)
        except OSError as exc:
            raise ConfigError(f"the keys in {str(self.directory)!r} cannot be stored: {exc.strerror or exc}") from exc
        self._known.clear()

    def _finish(self, name: str) -> None:
        made = self._next(name)
        if made.exists():
            public, secret = json.loads(read_private_file(made))
            write_private_file(self.directory / f"{name}.secret", secret + "\n")
            write_private_file(self.directory / f"{name}.pub", public + "\n")
            made.unlink()

    def _next(self, name: str) -> Path:
        return self.directory / f"{name}.next"

    def replaced(self, name: str) -> list[str]:
        """Returns the public keys of machine ``name`` that were replaced, or that were meant to replace one, and have
        not ended yet."""
        kept = self.directory / f"{name}.replaced"
        return read_private_file(kept).split() if kept.exists() else []

    def keep_replaced(self, name: str, keys: Iterable[str]) -> None:
        """Remembers across restarts which keys of machine ``name`` must end. Raises ConfigError."""
        kept, text = self.directory / f"{name}.replaced", "\n".join(keys)
        try:
            if text:
                write_private_file(kept, text + "\n")
            else:
                kept.unlink(missing_ok=True)
        except OSError as exc:
            raise ConfigError(f"the keys in {str(self.directory)!r} cannot be stored: {exc.strerror or exc}") from exc

    def own_keys(self) -> dict[str, str]:
        """Returns the names of the machines of this data directory, by public key."""
        return {key: name for name, key in self.names().items() if (self.directory / f"{name}.secret").exists()}

    def share(self, keys: Mapping[str, str]) -> bool:
        """Updates the keys of the registry: the name of the machine admitted with each key, empty for a removed key.
        Returns whether anything has changed."""
        before, self._shared = self._shared, dict(keys)
        return before != self._shared

    def let_in(self) -> dict[str, str]:
        """Returns all admitted public keys, by the name of the machine."""
        files = {name: key for name, key in self.names().items() if key not in self._shared}
        return files | {name: key for key, name in sorted(self._shared.items()) if name}

    def holder(self, key: str) -> str:
        """Returns the name of the machine that holds ``key``; empty if no such key is admitted."""
        if key in self._shared:
            return self._shared[key]
        if key not in self._known and self.directory.is_dir():
            self._known = {path.read_text().strip(): path.stem for path in self.directory.glob("*.pub")}
        return self._known.get(key, "")

    def names(self) -> dict[str, str]:
        """Returns the public keys in the data directory, by the name of the machine."""
        return {path.stem: path.read_text().strip() for path in sorted(self.directory.glob("*.pub"))}

    def allow(self, name: str, key: str) -> None:
        """Admits the machine ``name``, which runs elsewhere; a former key of it is no longer accepted.

        Raises Conflict if the key belongs to another name, or the machine belongs to this data directory."""
        if self._shared.get(key) == "":
            raise Conflict(
                f"machine {name!r} was removed from this Hyperverse",
                hint="admit it again with an invitation: `hyperverse machines invite`",
            )
        known = self.names()
        if known.get(name) == key:
            return
        if (self.directory / f"{name}.secret").exists():
            raise Conflict(
                f"machine {name!r} belongs to this data directory, and has its own key here",
                hint="machines of one data directory know each other; a machine elsewhere needs another name",
            )
        # A key identifies its holder. If it had two names, the right machine could be refused.
        holder = next((other for other, has in known.items() if has == key), "")
        if holder:
            raise Conflict(
                f"this key already belongs to machine {holder!r}, so it cannot belong to {name!r}",
                hint=f"if the name is wrong, run `hyperverse keys remove {holder}` first",
            )
        write_private_file(self.directory / f"{name}.pub", key + "\n")
        self._known.clear()

    def remove(self, name: str) -> None:
        """Revokes the key of the machine ``name``. Raises NotFound."""
        if name not in self.names():  # a name that leads out of the directory is not among the names
            raise NotFound(
                f"no key of a machine {name!r} is allowed here",
                hint="see `hyperverse keys show`; remove an invited machine with `hyperverse machines remove`",
            )
        (self.directory / f"{name}.pub").unlink(missing_ok=True)
        self._known.clear()
