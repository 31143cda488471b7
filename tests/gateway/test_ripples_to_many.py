"""A Ripple of a client to more recipients than are asked at once: the client gets every echo, in several frames."""

from __future__ import annotations

import pytest

from hyperverse_core import Client, Machine
from hyperverse_core.contracts.gateway import HandOn
from hyperverse_core.fabric.services.sessions.session import LocalSession
from hyperverse_core.universe.waves.wave import Echo, Ripple

DELIVERY = "hyperverse_core.fabric.delivery"
MANY = 40


async def test_every_echo_arrives_and_the_machine_hands_them_on_as_they_come(
    machine: Machine, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (f"{DELIVERY}.paged_gathering.WINDOW", f"{DELIVERY}.fan_out.WINDOW"):
        monkeypatch.setattr(name, 10)
    for name in (f"{DELIVERY}.paged_gathering.PAGE", "hyperverse_core.fabric.caches.selections.PAGE"):
        monkeypatch.setattr(name, 5)
    monkeypatch.setattr(f"{DELIVERY}.paged_gathering._HANDED_ON", 3)
    await client.exec(
        "create localhost:many<Base>;" + "".join(f"create localhost:many:p{n}<Probe>;" for n in range(MANY))
    )
    returned: list[int] = []
    spread = LocalSession.spread

    async def noted(self: LocalSession, wave: Ripple, hand_on: HandOn | None = None) -> list[Echo]:
        rest = await spread(self, wave, hand_on)
        returned.append(len(rest))
        return rest

    monkeypatch.setattr(LocalSession, "spread", noted)
    echoes = await client.ripple("localhost:many:*", "Ext<Echo>", {"said": "hello"})
    assert sorted(echo.sender.text for echo in echoes) == sorted(f"localhost:many:p{n}" for n in range(MANY))
    assert {(echo.status, echo.body) for echo in echoes} == {(200, "hello")}
    assert returned and returned[0] <= 3
