"""The shop itself, which creates its parts and serves visitors."""

from __future__ import annotations

import attrs

from hyperverse_core import Ctx, Driver, KindDef, Particle, handler
from hyperverse_core.driver import Traits
from hyperverse_core.registry import ParticleRecord, Strategy

from .product import Product

__all__ = ["Shop", "ShopDriver"]

_BIND = """
Bind(version=1.0.0) {{
  Route<Http<Get>>/products/(?P<name>[a-z][a-z0-9-]*) -> {shop}:products:${{name}} => &;
  Route<Http<Get>>/ -> (()) => &;
  Route<Ext<*>> -> (()) => &;
}}
"""
"""Requests about a product go to the product; all others go to the shop."""


@attrs.define
class Shop(Particle):
    """A shop. It owns the particles that it creates, and grants its carts access to them."""

    opened: bool = False

    @handler("Ext<Open>")
    async def open(self, ctx: Ctx) -> str:
        """Creates the parts of the shop, and grants carts access to products and ledger. Can be sent again."""
        if self.opened:
            return "open"
        for name, kind in (("products", "Base"), ("carts", "Base"), ("ledger", "Ledger")):
            await ctx.create(f"{ctx.point}:{name}", kind, strategy=Strategy.ENSURE)
        for parts in ("products:*", "ledger"):
            grant = f"grant perm +csd-rwX on {ctx.point}:{parts} to {ctx.point}:carts:*"
            (await ctx.execute(grant)).unwrap()
        self.opened = True
        await ctx.save()
        return "open"

    @handler("Ext<Offer>")
    async def offer(self, ctx: Ctx, name: str, price: int, pieces: int) -> int:
        """Offers a product at a price in cents. Returns how many pieces are free."""
        point = f"{ctx.point}:products:{name}"
        await ctx.create(point, "Product", {"price": str(price)}, strategy=Strategy.ENSURE)
        return await ctx.at(point, Product, retries=3).ask(Product.set_stock, pieces)

    @handler("Ext<Cart>")
    async def cart(self, ctx: Ctx, customer: str, hold: int = 900) -> str:
        """Gives a customer a cart, which is released after ``hold`` idle seconds. Returns its point."""
        point = f"{ctx.point}:carts:{customer}"
        await ctx.create(point, "Cart", {"hold": hold}, strategy=Strategy.ENSURE)
        return point

    @handler("Http<Get>")
    async def home(self, ctx: Ctx) -> dict[str, str]:
        """Returns the first page."""
        return {"shop": ctx.point.name, "products": "/products/NAME"}


class ShopDriver(Driver):
    """Serves the Kind Shop."""

    kind = KindDef("Shop", doc="A shop")
    particle = Shop

    def traits(self, record: ParticleRecord) -> Traits:
        """Gives each shop a bind that sends requests to its own products."""
        return Traits(bind=_BIND.format(shop=record.point))
