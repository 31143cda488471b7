"""The settings of the policy in its table of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from hyperverse_core.errors import ConfigError, did_you_mean

__all__ = ["CedarSettings"]

_MODES = ("narrow", "replace")


@attrs.frozen
class CedarSettings:
    """The table ``[security]``, apart from its ``driver``.

    Attributes:
        policies: a file of Cedar policies, or a folder whose files ``*.cedar`` are read, as an absolute path.
        mode: ``narrow``: an agent may do what both the grants and the Cedar policies allow; ``replace``: the Cedar
            policies decide, and grants do not count.
        same_owner, anonymous: as for the policy ``grants``. The first one has an effect in the mode ``narrow`` only.
    """

    policies: str = ""
    mode: str = "narrow"
    same_owner: bool = True
    anonymous: bool = False

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> CedarSettings:
        """Returns the settings in ``table``. Raises a ConfigError that lists every fault."""
        known = {field.name: field for field in attrs.fields(cls)}
        faults = []
        for key, value in table.items():
            if key not in known:
                faults.append(
                    f"security.{key}: the policy 'cedar' has no such setting; "
                    f"known: {', '.join(known)}{did_you_mean(key, known)}"
                )
            elif type(value) is not type(known[key].default):
                wanted = "true or false" if isinstance(known[key].default, bool) else "a string"
                faults.append(f"security.{key}: must be {wanted}, not {value!r}")
        if faults:
            raise ConfigError(faults=faults)
        settings = cls(**table)
        faults = [*settings._faulty_path(), *settings._faulty_mode()]
        if faults:
            raise ConfigError(faults=faults)
        return settings

    @property
    def of_grants(self) -> dict[str, bool]:
        """The settings of the policy ``grants``."""
        return {"same_owner": self.same_owner, "anonymous": self.anonymous}

    @property
    def narrows(self) -> bool:
        """Whether grants must also allow the request."""
        return self.mode == "narrow"

    def _faulty_path(self) -> list[str]:
        if not self.policies:
            return ["security.policies: must name a file of Cedar policies, or a folder with files *.cedar"]
        if not Path(self.policies).is_absolute():
            return [f"security.policies: must be an absolute path, such as {str(Path.cwd() / self.policies)!r}"]
        return []

    def _faulty_mode(self) -> list[str]:
        if self.mode in _MODES:
            return []
        return [f"security.mode: must be 'narrow' or 'replace', not {self.mode!r}{did_you_mean(self.mode, _MODES)}"]
