"""Carts: they reserve products, order them, and release products that are not ordered."""

from __future__ import annotations

import asyncio
import time

import attrs

from hyperverse_core import Ctx, Driver, KindDef, Outcome, Particle, Pong, handler, transient
from hyperverse_core.errors import BadRequest, Conflict
from hyperverse_core.values import PropertiesConfig, PropertyDef, Range

from .ledger import Ledger
from .places import ledger_of, product_of
from .product import Product

__all__ = ["Cart", "CartDriver"]

_RETRIES = 3
_PAUSE = 1.0  # seconds


@attrs.define
class Cart(Particle):
    """What a customer wants.

    The cart saves what it is about to do before it sends requests. If its machine dies in the middle, or an answer is
    lost, it still knows what it may have reserved or ordered, and sends the request again. All of its requests can be
    repeated.
    """

    pieces: dict[str, int] = attrs.field(factory=dict)  # by name of the product
    expires: float = 0.0  # seconds since 1970; 0 while it is empty
    orders: int = 0
    cents: int = 0  # of the order in progress
    ordering: bool = False
    waiting: bool = transient(default=False)
    turn: asyncio.Lock = transient(factory=asyncio.Lock)  # background work runs concurrently with the handlers

    async def on_start(self, ctx: Ctx) -> None:
        """Continues the work that was in progress when it left memory."""
        self._let_go_in_time(ctx)

    @handler("Ext<Put>")
    async def put(self, ctx: Ctx, product: str, pieces: int = 1) -> dict[str, int] | Pong:
        """Sets the number of pieces of a product in the cart to ``pieces``; 0 removes the product. Returns the content
        of the cart."""
        async with self.turn:
            return await self._put(ctx, product, pieces)

    async def _put(self, ctx: Ctx, product: str, pieces: int) -> dict[str, int] | Pong:
        if self.ordering:
            raise Conflict("an order is in progress", hint="send Ext<Order> again to complete it")
        if pieces < 0:
            raise BadRequest("the number of pieces must be 0 or more")
        where, before = product_of(ctx.point, product), self.pieces.get(product, 0)
        self._hold(product, max(pieces, before))
        self.expires = time.time() + (await ctx.properties())["hold"].value
        await ctx.save()
        reply = await ctx.ping(where, "Ext<Reserve>", {"pieces": pieces}, retries=_RETRIES)
        if (
            reply.outcome is not Outcome.UNKNOWN
        ):  # otherwise the product may have received it, and must be released in time
            self._hold(product, pieces if reply.ok else before)
            await ctx.save()
        self._let_go_in_time(ctx)
        if not reply.ok:
            return reply  # pass on the answer of the product: 409 if there are too few pieces
        return self.pieces

    @handler("Ext<Order>")
    async def order(self, ctx: Ctx) -> dict[str, int | str]:
        """Orders the content of the cart. Can be sent again if its answer was lost."""
        async with self.turn:
            return await self._order(ctx)

    async def _order(self, ctx: Ctx) -> dict[str, int | str]:
        if not self.pieces:
            raise Conflict("the cart is empty")
        if not self.ordering:
            cents = 0
            for name, pieces in self.pieces.items():
                product = ctx.at(product_of(ctx.point, name), Product, retries=_RETRIES)
                cents += pieces * await product.ask(Product.reserve, pieces)
            self.ordering, self.orders, self.cents = True, self.orders + 1, cents
            await ctx.save()
        order, cents = f"{ctx.point.name}-{self.orders}", self.cents
        await ctx.at(ledger_of(ctx.point), Ledger, retries=_RETRIES).ask(Ledger.book, order, cents)
        for name in self.pieces:
            await ctx.at(product_of(ctx.point, name), Product, retries=_RETRIES).ask(Product.ship)
        self._empty()
        await ctx.save()
        return {"order": order, "cents": cents}

    @handler("Ext<Show>")
    async def show(self, ctx: Ctx) -> dict[str, int]:
        """Returns the content of the cart."""
        return self.pieces

    def _let_go_in_time(self, ctx: Ctx) -> None:
        if self.pieces and not self.waiting:
            self.waiting = True
            ctx.spawn(self._wait(ctx), name="expire")

    async def _wait(self, ctx: Ctx) -> None:
        """Releases everything when the cart has expired."""
        while self.pieces and not self.ordering:
            left = self.expires - time.time()
            if left > 0:
                await asyncio.sleep(left)
                continue
            async with self.turn:
                let_go = await self._let_go(ctx)
            if not let_go:
                await asyncio.sleep(_PAUSE)
        self.waiting = False

    async def _let_go(self, ctx: Ctx) -> bool:
        if self.ordering or self.expires > time.time():
            return True
        for name in self.pieces:
            reply = await ctx.ping(product_of(ctx.point, name), "Ext<Reserve>", {"pieces": 0}, retries=_RETRIES)
            if not reply.ok and reply.status != 404:  # a deleted product reserves nothing
                ctx.log.warning("%s will be released later: %s", name, reply.error)
                return False
        self._empty()
        await ctx.save()
        return True

    def _hold(self, product: str, pieces: int) -> None:
        if pieces:
            self.pieces[product] = pieces
        else:
            self.pieces.pop(product, None)

    def _empty(self) -> None:
        self.pieces, self.expires, self.cents, self.ordering = {}, 0.0, 0, False


class CartDriver(Driver):
    """Serves the Kind Cart."""

    kind = KindDef(
        "Cart",
        doc="Cart of a customer",
        parents=("Base",),
        properties=PropertiesConfig(
            [PropertyDef("hold", "Seconds until an idle cart is released", Range(0, 86_400), default=900)]
        ),
    )
    particle = Cart
