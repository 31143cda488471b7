"""The points of the particles of a shop: ``SHOP:products:NAME``, ``SHOP:carts:NAME`` and ``SHOP:ledger``."""

from __future__ import annotations

import re

from hyperverse_core.errors import BadRequest
from hyperverse_core.values import Point

__all__ = ["ledger_of", "product_of"]

_NAME = re.compile(r"[a-z][a-z0-9-]*")


def product_of(cart: Point, name: str) -> str:
    """Returns the product of that name in the shop of a cart. Raises BadRequest for a name that could lead
    elsewhere."""
    if _NAME.fullmatch(name) is None:
        raise BadRequest(f"{name!r} is not the name of a product", hint="use lower-case letters, digits and hyphens")
    return f"{_shop_of(cart)}:products:{name}"


def ledger_of(cart: Point) -> str:
    """Returns the ledger of the shop of a cart."""
    return f"{_shop_of(cart)}:ledger"


def _shop_of(cart: Point) -> str:
    return str(cart).rsplit(":", 2)[0]
