"""A Ping is answered, whatever happens, with a status, an outcome and a receipt."""

from __future__ import annotations

import pytest

from hyperverse_core import Machine, Outcome
from hyperverse_core.errors import NotFound


async def test_the_answer_of_the_handler_comes_back_with_a_receipt(machine: Machine, world) -> None:
    await world("a<Worker>")
    reply = await machine.client().ping("localhost:a", "Ext<Add>", {"by": 3})
    assert (reply.status, reply.body, reply.sender.text) == (200, 3, "localhost:a")
    receipt = reply.receipt
    assert (receipt.outcome, receipt.attempts, receipt.remote) == (Outcome.OK, 1, False)
    assert receipt.star.startswith("STAR::")
    assert receipt.wave == reply.id


async def test_a_particle_in_another_star_is_some_lanes_away(machine: Machine, world) -> None:
    await world("users<UserBase<Keycloak>>")
    reply = await machine.client().ping("localhost:users", "Cmd<Bounce>")
    assert reply.receipt.star == "STAR::central:fold[0]"
    assert reply.receipt.hops == 1


@pytest.mark.parametrize(
    ("to", "method", "body", "status", "said"),
    [
        ("localhost:nobody", "Ext<Add>", None, 404, "no particle 'localhost:nobody'"),
        ("nowhere:at:all", "Ext<Add>", None, 404, "no particle 'nowhere:at:all'"),
        ("localhost:a", "Ext<Unknown>", None, 404, "has no handler for Ext<Unknown>"),
        ("localhost:a", "Http<Get>", None, 404, "has no handler for Http<Get>"),
        ("localhost:a", "Ext<Add>", {"by": "x"}, 400, "'x' is not int"),
        ("localhost:a", "Ext<Add>", {"by": True}, 400, "True is not int"),
        ("localhost:a", "Ext<Add>", {"bye": 1}, 400, "unknown argument 'bye'; did you mean 'by'?"),
        ("localhost:a", "Ext<Strict>", {"words": [1]}, 400, "argument 'number' is missing"),
        ("localhost:a", "Ext<Strict>", [1, 2], 400, "a body of type list does not fit"),
    ],
)
async def test_what_does_not_reach_a_handler_is_rejected(
    machine: Machine, world, to: str, method: str, body: object, status: int, said: str
) -> None:
    await world("a<Worker>")
    reply = await machine.client().ping(to, method, body)
    assert (reply.status, reply.outcome) == (status, Outcome.REJECTED)
    assert said in reply.error
    assert (await machine.client().ping("localhost:a", "Ext<Get>")).body == 0


async def test_a_body_that_does_not_fit_is_answered_with_all_its_faults(machine: Machine, world) -> None:
    await world("a<Worker>")
    reply = await machine.client().ping("localhost:a", "Ext<Strict>", {"number": 1.5, "words": ["x", 2], "what": 1})
    assert all(said in reply.error for said in ("number: 1.5 is not int", "words: ", "unknown argument 'what'"))
    assert "it takes number: int" in reply.body["hint"]


async def test_what_a_handler_raises_is_told_without_a_traceback(machine: Machine, world, caplog) -> None:
    await world("a<Worker>")
    reply = await machine.client().ping("localhost:a", "Ext<Fail>")
    assert (reply.status, reply.outcome) == (500, Outcome.FAILED)
    assert "Traceback" not in str(reply.body)
    assert "ValueError" in caplog.text  # the traceback is in the log
    assert "Traceback" in caplog.text


async def test_an_error_of_the_platform_keeps_its_status_when_a_handler_raises_it(machine: Machine, world) -> None:
    await world("a<Worker>")
    reply = await machine.client().ping("localhost:a", "Ext<Refuse>")
    assert (reply.status, reply.outcome, reply.body["retry_after"]) == (503, Outcome.FAILED, 1.0)


async def test_a_result_that_cannot_travel_is_the_fault_of_the_handler(machine: Machine, world) -> None:
    await world("a<Worker>")
    reply = await machine.client().ping("localhost:a", "Ext<Odd>")
    assert (reply.status, reply.outcome) == (500, Outcome.FAILED)
    assert "object" in reply.error


async def test_captures_of_a_path_are_arguments(machine: Machine, world) -> None:
    await world("a<Worker>")
    assert await machine.client().ask("localhost:a", "Http<Get>", path="/users/ann") == "user ann"
    assert (await machine.client().ping("localhost:a", "Http<Get>", path="/groups/ann")).status == 404


async def test_every_particle_bounces_and_lets_its_state_be_read(machine: Machine, world) -> None:
    await world("a<Worker>")
    client = machine.client()
    assert (await client.ping("localhost", "Cmd<Bounce>")).status == 200
    await client.ask("localhost:a", "Ext<Add>", {"by": 2})
    assert await client.ask("localhost:a", "Cmd<Read>") == {"value": 2, "book": []}


async def test_what_is_changed_in_an_answer_does_not_change_the_particle(machine: Machine, world) -> None:
    await world("a<Worker>")
    client = machine.client()
    book = await client.ask("localhost:a", "Ext<Book>")
    book.append("forged")
    assert await client.ask("localhost:a", "Ext<Book>") == []


async def test_waves_between_stars_are_for_stars(machine: Machine, world) -> None:
    await world("a<Worker>")
    client = machine.client()
    assert (await client.ping("localhost:a", "Hyp<Assign>")).status == 403
    assert (await client.signal("localhost:a", "Hyp<Assign>")).status == 403


async def test_a_malformed_point_or_method_is_told_before_anything_is_sent(machine: Machine) -> None:
    with pytest.raises(Exception, match="line 1"):
        await machine.client().ping("local host", "Ext<Add>")
    with pytest.raises(Exception, match="Bonce"):
        await machine.client().ping("localhost", "Cmd<Bonce>")


async def test_ask_raises_what_the_status_stands_for(machine: Machine) -> None:
    with pytest.raises(NotFound, match="localhost:nobody"):
        await machine.client().ask("localhost:nobody", "Ext<Add>")


async def test_h4_a_star_knows_where_every_kind_can_live(machine: Machine) -> None:
    kinds = {row["kind"]: row for row in await machine.client().kinds()}
    stars = {row["star"]: row["kinds"] for row in (await machine.client().status())["stars"]}
    assert kinds["Space"]["driver"]
    assert "Space" in stars["STAR::central:super[0]"]
    assert "Base" in stars["STAR::central:super[0]"]
    assert "Root" in stars["STAR::central:central[0]"]
    assert {"Repo", "BundleSeries"} <= set(stars["STAR::central:scribe[0]"])
    assert "User" in stars["STAR::central:fold[0]"]


async def test_h5_the_golden_path_leads_from_star_to_star(machine: Machine, constellation) -> None:
    (ann,) = await constellation("ann")
    for star, hops in (("STAR::central:nexus[0]", 1), ("STAR::central:central[0]", 1)):
        reply = await ann.send(f"<<{star}>>::star", "Cmd<Bounce>", wait=5.0)
        assert (reply.status, reply.receipt.star, reply.hops) == (200, star, hops)


async def test_h6_a_space_is_placed_by_its_first_wave(machine: Machine) -> None:
    client = machine.client()
    assert (await client.ping("ROOT", "Cmd<Bounce>")).status == 200
    assert [r.status for r in await client.exec("create! my-domain.com<Space>", check=False)] == [200]
    reply = await client.ping("my-domain.com", "Cmd<Bounce>")
    assert (reply.status, reply.receipt.star) == (200, "STAR::central:super[0]")


async def test_h1_a_wave_reaches_its_recipient_under_the_id_that_it_was_sent_with(machine: Machine, world) -> None:
    await world("ann<Relay>", "ben<Relay>")
    reply = await machine.client().ping("localhost:ben", "Ext<Whoami>")
    assert reply.body["id"] == reply.id
    body = {"to": "localhost:ben", "method": "Ext<Whoami>"}
    there = (await machine.client().ask("localhost:ann", "Ext<Relay>", body))["body"]
    assert there["sender"] == "localhost:ann"
    assert there["id"] not in ("", reply.id)


async def test_h2_a_bounce_passes_the_layers_of_its_recipient_and_comes_back(machine: Machine, world) -> None:
    await world("ann<Relay>", "ben<Worker>")
    body = {"to": "localhost:ben", "method": "Cmd<Bounce>"}
    assert (await machine.client().ask("localhost:ann", "Ext<Relay>", body))["status"] == 200
