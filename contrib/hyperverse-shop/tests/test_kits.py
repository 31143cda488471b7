"""What every driver must do, tried on those of the shop."""

from __future__ import annotations

from hyperverse_shop import CartDriver, LedgerDriver, ProductDriver, ShopDriver

from hyperverse_core.testing import DriverConformance


class TestProduct(DriverConformance):
    driver = ProductDriver
    changes = (("Ext<Stock>", {"pieces": 3}),)
    properties = {"price": "100"}


class TestCart(DriverConformance):
    driver = CartDriver
    reads = (("Ext<Show>", None),)


class TestLedger(DriverConformance):
    driver = LedgerDriver
    changes = (("Ext<Book>", {"order": "ada-1", "cents": 5}),)


class TestShop(DriverConformance):
    driver = ShopDriver
