"""Products: a price, which is a property, and a stock, which is the state."""

from __future__ import annotations

from typing import Any

import attrs

from hyperverse_core import Ctx, Driver, KindDef, Particle, handler, state
from hyperverse_core.errors import Conflict
from hyperverse_core.values import PropertiesConfig, PropertyDef

__all__ = ["Product", "ProductDriver"]


@state(version=2)
@attrs.define
class Product(Particle):
    """A product for sale.

    Every request states the result, not the change, so it can be repeated: a cart that does not know whether its
    request has arrived sends it again.
    """

    stock: int = 0
    reserved: dict[str, int] = attrs.field(factory=dict)  # pieces, by the point of the cart

    def upgrade(self, state: dict[str, Any], version: int) -> dict[str, Any]:
        """Reads version 1, which called the stock ``left``."""
        state["stock"] = state.pop("left", 0)
        return state

    @handler("Ext<Stock>", privilege="stock:fill")
    async def set_stock(self, ctx: Ctx, pieces: int) -> int:
        """Sets the number of pieces in stock, and returns how many are free."""
        if pieces < sum(self.reserved.values()):
            raise Conflict(f"{sum(self.reserved.values())} pieces are already reserved")
        self.stock = pieces
        await ctx.save()
        return self.free()

    @handler("Ext<Reserve>")
    async def reserve(self, ctx: Ctx, pieces: int) -> int:
        """Reserves ``pieces`` for the cart that asks; 0 releases them. Returns the price of one piece in cents."""
        cart = str(ctx.agent)
        if pieces > self.free() + self.reserved.get(cart, 0):
            raise Conflict(f"only {self.free()} pieces of {ctx.point.name} are free")
        if pieces != self.reserved.get(cart, 0):
            self.reserved.pop(cart, None)
            if pieces:
                self.reserved[cart] = pieces
            await ctx.save()
        return (await ctx.properties())["price"].value

    @handler("Ext<Ship>")
    async def ship(self, ctx: Ctx) -> None:
        """Ships the pieces that are reserved for the cart that asks."""
        pieces = self.reserved.pop(str(ctx.agent), 0)
        if pieces:
            self.stock -= pieces
            await ctx.save()

    @handler("Http<Get>")
    async def show(self, ctx: Ctx) -> dict[str, str | int]:
        """Returns what visitors see of the product."""
        price = (await ctx.properties())["price"].value
        return {"name": ctx.point.name, "price": price, "free": self.free()}

    def free(self) -> int:
        """Returns the number of pieces that are not reserved."""
        return self.stock - sum(self.reserved.values())


class ProductDriver(Driver):
    """Serves the Kind Product."""

    kind = KindDef(
        "Product",
        doc="Product for sale",
        parents=("Base",),
        properties=PropertiesConfig([PropertyDef("price", "The price of one piece in cents", "U64", required=True)]),
    )
    particle = Product
