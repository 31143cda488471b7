"""A shop from its opening to its books."""

from __future__ import annotations

import asyncio
from typing import Any

import hyperverse_shop
import pytest

from hyperverse_core.errors import BadRequest, Conflict, Forbidden, NotFound

SHOP = "localhost:shop"
ADA, BOB = f"{SHOP}:carts:ada", f"{SHOP}:carts:bob"


@pytest.fixture
def machine_plugins() -> list[Any]:
    return [hyperverse_shop]


@pytest.fixture
async def shop(client: Any) -> Any:
    """A client of a machine with an open shop: five cups and one jug, two customers."""
    await client.create("localhost", "Space")
    await client.create(SHOP, "Shop")
    await client.ask(SHOP, "Ext<Open>")
    await client.ask(SHOP, "Ext<Offer>", {"name": "cup", "price": 450, "pieces": 5})
    await client.ask(SHOP, "Ext<Offer>", {"name": "jug", "price": 2500, "pieces": 1})
    for customer in ("ada", "bob"):
        await client.ask(SHOP, "Ext<Cart>", {"customer": customer})
    return client


async def free(client: Any, name: str) -> Any:
    return (await client.ask(SHOP, "Http<Get>", path=f"/products/{name}"))["free"]


async def test_what_is_in_a_cart_is_reserved(shop: Any) -> None:
    assert await shop.ask(ADA, "Ext<Put>", {"product": "cup", "pieces": 3}) == {"cup": 3}
    assert await free(shop, "cup") == 2
    with pytest.raises(Conflict, match="only 2 pieces of cup are free"):
        await shop.ask(BOB, "Ext<Put>", {"product": "cup", "pieces": 3})
    assert await shop.ask(BOB, "Ext<Show>") == {}
    assert await shop.ask(ADA, "Ext<Put>", {"product": "cup", "pieces": 1}) == {"cup": 1}
    assert await free(shop, "cup") == 4


async def test_an_order_is_booked_and_shipped(shop: Any) -> None:
    await shop.ask(ADA, "Ext<Put>", {"product": "cup", "pieces": 2})
    await shop.ask(ADA, "Ext<Put>", {"product": "jug"})
    assert await shop.ask(ADA, "Ext<Order>") == {"order": "ada-1", "cents": 3400}
    assert await shop.ask(ADA, "Ext<Show>") == {}
    assert (await free(shop, "cup"), await free(shop, "jug")) == (3, 0)
    assert await shop.ask(f"{SHOP}:ledger", "Ext<Sold>") == 3400
    with pytest.raises(Conflict, match="the cart is empty"):
        await shop.ask(ADA, "Ext<Order>")


async def test_two_customers_cannot_have_the_last_piece(shop: Any) -> None:
    replies = await asyncio.gather(*(shop.ping(cart, "Ext<Put>", {"product": "jug"}) for cart in (ADA, BOB)))
    assert sorted(reply.status for reply in replies) == [200, 409]


async def test_a_cart_is_let_go_in_time(shop: Any) -> None:
    eve = await shop.ask(SHOP, "Ext<Cart>", {"customer": "eve", "hold": 0})
    await shop.ask(eve, "Ext<Put>", {"product": "jug"})
    async with asyncio.timeout(60):
        while await shop.ask(eve, "Ext<Show>"):  # noqa: ASYNC110 - the cart tells nobody
            await asyncio.sleep(0.01)
    assert await free(shop, "jug") == 1


async def test_a_product_that_is_not_there_reserves_nothing(shop: Any) -> None:
    with pytest.raises(NotFound, match="products:hat"):
        await shop.ask(ADA, "Ext<Put>", {"product": "hat"})
    with pytest.raises(BadRequest, match="not the name of a product"):
        await shop.ask(ADA, "Ext<Put>", {"product": "x:..:ledger"})
    assert await shop.ask(ADA, "Ext<Show>") == {}


async def test_a_price_is_a_number(shop: Any) -> None:
    with pytest.raises(BadRequest, match="price"):
        await shop.set(f"{SHOP}:products:cup", {"price": "cheap"})
    await shop.set(f"{SHOP}:products:cup", {"price": "500"})
    await shop.ask(ADA, "Ext<Put>", {"product": "cup"})
    assert (await shop.ask(ADA, "Ext<Order>"))["cents"] == 500


async def test_only_who_may_fills_the_stock(shop: Any, machine: Any) -> None:
    """The shop owns its products. Somebody else may not, and needs the privilege besides the permission."""
    cup = f"{SHOP}:products:cup"
    await shop.create("localhost:vera", "Base")
    vera = machine.client("localhost:vera")
    with pytest.raises(NotFound):  # she may not select the products either
        await vera.ask(cup, "Ext<Stock>", {"pieces": 100})
    await shop.exec(f"grant perm +csd-rwX on {cup} to localhost:vera")
    with pytest.raises(Forbidden, match="stock:fill"):
        await vera.ask(cup, "Ext<Stock>", {"pieces": 100})
    await shop.exec(f"grant priv stock:fill on {cup} to localhost:vera")
    assert await vera.ask(cup, "Ext<Stock>", {"pieces": 100}) == 100


async def test_an_order_whose_line_was_written_and_not_saved_is_booked_once(
    shop: Any, machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger fails behind its line in the file: the order is sent again, and there is one line."""
    write = hyperverse_shop.Ledger.write_down

    def torn(ledger: Any, line: str) -> None:
        write(ledger, line)
        raise OSError("the machine dies here")

    await shop.ask(ADA, "Ext<Put>", {"product": "cup"})
    with monkeypatch.context() as patched:
        patched.setattr(hyperverse_shop.Ledger, "write_down", torn)
        assert (await shop.ping(ADA, "Ext<Order>")).status == 500
    with pytest.raises(Conflict, match="an order is in progress"):
        await shop.ask(ADA, "Ext<Put>", {"product": "cup"})
    assert (await shop.ask(ADA, "Ext<Order>"))["order"] == "ada-1"
    (file,) = machine.data_dir.rglob("shop.txt")
    assert file.read_text() == "ada-1 450\n"


async def test_a_product_of_version_1_keeps_its_stock() -> None:
    assert hyperverse_shop.Product().upgrade({"left": 7}, 1) == {"stock": 7}
