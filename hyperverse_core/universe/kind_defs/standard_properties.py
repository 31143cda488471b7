"""The properties of the standard Kinds: docs/reference/kinds.md#properties. A Kind that is not listed has none."""

from __future__ import annotations

from collections.abc import Mapping

from .properties import PropertiesConfig, PropertyDef, PropertyPattern, PropertyPermit, PropertySource

__all__ = ["STANDARD_PROPERTIES"]

_BOOT = "hyperspace:repo:boot:1.0.0:/bind"


def _point(key: str, doc: str, *, required: bool = False, mutable: bool = False) -> PropertyDef:
    return PropertyDef(key, doc, PropertyPattern.POINT, required=required, mutable=mutable)


def _bind(*, required: bool = False) -> PropertyDef:
    # The text of a bind is allowed as well as a point, because it needs no artifact.
    doc = "Routes: the text of a bind, or the point of a particle that has one"
    return PropertyDef("bind", doc, PropertyPattern.BIND, required=required, mutable=False)


def _constant_bind(name: str) -> PropertyDef:
    return PropertyDef(
        "bind",
        "Bind of every particle of this Kind",
        PropertyPattern.POINT,
        required=True,
        mutable=False,
        default=f"{_BOOT}/{name}.bind",
        constant=True,
    )


_CONFIG = "Artifact with the configuration"
_RUNNABLE = PropertiesConfig((_bind(required=True), _point("config", _CONFIG, required=True)))

STANDARD_PROPERTIES: Mapping[str, PropertiesConfig] = {
    "Space": PropertiesConfig((_bind(), _point("config", _CONFIG))),
    "App": _RUNNABLE,
    # Without a bind, all waves reach its guest.
    "Mechtron": PropertiesConfig((_bind(), _point("config", _CONFIG, required=True))),
    "User": PropertiesConfig(
        (
            _constant_bind("user"),
            PropertyDef(
                "username",
                "Login name",
                PropertyPattern.USERNAME,
                mutable=False,
                source=PropertySource.CORE,
            ),
            PropertyDef(
                "email",
                "Email address",
                PropertyPattern.EMAIL,
                source=PropertySource.CORE,
                permits=frozenset({PropertyPermit.READ}),
            ),
            PropertyDef("password", "Password", source=PropertySource.CORE_SECRET, hashed=True),
        )
    ),
    "UserBase": PropertiesConfig(
        (
            _constant_bind("userbase"),
            _point("config", _CONFIG, mutable=True),
            PropertyDef(
                "registration-email-as-username",
                "Whether the email address is the login name",
                PropertyPattern.BOOL,
                mutable=False,
                default="true",
            ),
            PropertyDef(
                "verify-email",
                "Whether an email address must be confirmed",
                PropertyPattern.BOOL,
                mutable=False,
                default="false",
            ),
            PropertyDef(
                "sso-session-max-lifespan",
                "Seconds after which a session ends",
                PropertyPattern.U64,
                source=PropertySource.CORE,
                default="315360000",
            ),
        )
    ),
}
