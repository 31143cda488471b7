"""The settings of the policy in its table of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from hyperverse_core.errors import ConfigError, did_you_mean

__all__ = ["GrantsSettings"]


@attrs.frozen
class GrantsSettings:
    """The table ``[security]`` besides its ``driver``.

    Attributes:
        same_owner: whether a particle that is not a User may do everything on what belongs to the same User
            as itself, or to the hyperuser if it does, so that what a person runs may work on what that person
            owns.
        anonymous: whether a client without a token connects as the agent Anonymous, which may do what grants allow it
            and nothing else.
    """

    same_owner: bool = True
    anonymous: bool = False

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> GrantsSettings:
        """The settings that ``table`` holds. Raises ConfigError that lists every fault."""
        known = [field.name for field in attrs.fields(cls)]
        faults = []
        for key, value in table.items():
            if key not in known:
                faults.append(
                    f"security.{key}: the policy 'grants' has no such setting; "
                    f"known: {', '.join(known)}{did_you_mean(key, known)}"
                )
            elif type(value) is not bool:
                faults.append(f"security.{key}: {value!r} is neither true nor false")
        if faults:
            raise ConfigError(faults=faults)
        return cls(**table)
