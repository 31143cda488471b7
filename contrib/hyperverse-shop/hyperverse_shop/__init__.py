"""A small shop: products with a stock, carts that reserve them, and a ledger of sales."""

from __future__ import annotations

from collections.abc import Callable

from hyperverse_core import Driver, hookimpl

from .cart import Cart, CartDriver
from .ledger import Ledger, LedgerDriver
from .product import Product, ProductDriver
from .shop import Shop, ShopDriver

__all__ = ["Cart", "CartDriver", "Ledger", "LedgerDriver", "Product", "ProductDriver", "Shop", "ShopDriver"]


@hookimpl
def hyperverse_register_drivers(register: Callable[[type[Driver]], None]) -> None:
    """Called once when a machine starts."""
    for driver in (ShopDriver, ProductDriver, CartDriver, LedgerDriver):
        register(driver)
