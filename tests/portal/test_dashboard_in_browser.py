"""The dashboard in a real browser, over two machines that are processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from hyperverse_core import BlockingClient
from no_skips import NO_BROWSER
from patience import PATIENCE, until_sync
from portal.browser import AXE, CHROMIUM, Eyes, Machines, chromium, playwright_is_there

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(not (CHROMIUM and AXE.is_file() and playwright_is_there()), reason=NO_BROWSER),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # of playwright's own pipes
]

CONFIG = """
lease = 6.0
[plugins]
local = true
"""
KINDS = '''
import attrs

from hyperverse_core import Driver, KindDef, Particle, handler, hookimpl


@attrs.define
class Counter(Particle):
    value: int = 0
    note: str = ""

    @handler("Ext<Add>")
    async def add(self, ctx, by: int = 1) -> int:
        """Adds to the value."""
        self.value += by
        await ctx.save()
        return self.value

    @handler("Ext<Note>")
    async def write(self, ctx, text: str) -> str:
        self.note = text
        await ctx.save()
        return text


class CounterDriver(Driver):
    kind = KindDef("Counter", doc="A durable counter")
    particle = Counter


class MailerDriver(Driver):
    kind = KindDef("Mailer", doc="Sends post")
    particle = Particle

    async def start(self, host):
        raise ConnectionRefusedError("smtp://127.0.0.1:2525 refused the connection")


@hookimpl
def hyperverse_register_drivers(register):
    register(CounterDriver)
    register(MailerDriver)
'''
PAGES = (
    "",
    "particles?under=localhost",
    "particle?point=localhost:hits",
    "particle?point=localhost:post",
    "waves",
    "waves?failed=1",
    "log",
    "balance",
    "kinds?kind=Counter",
    "machines",
    "access?point=localhost:hits&method=Ext%3CAdd%3E",
)
EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>"


@attrs.define
class World:
    """Two machines, a browser, and a client."""

    machines: Machines
    browser: Any
    client: BlockingClient
    address: str
    link: str
    stranger: str


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    (tmp_path / "hyperverse.toml").write_text(CONFIG)
    (tmp_path / "hyperverse_local.py").write_text(KINDS)
    machines = Machines(tmp_path)
    try:
        said = machines.start("one", "--portal", "127.0.0.1:0")
        machines.start("two")
        with BlockingClient(machines.data_dir, machine="one") as client, chromium() as browser:
            client.exec(
                "create localhost<Space>; create localhost:hits<Counter>; create localhost:post<Mailer>; "
                "create hyperspace:users:ada<User>"
            )
            issued = client.ask("GLOBAL::users", "Ext<IssueToken>", {"agent": "hyperspace:users:ada"})
            address, link = said["gateways"]["portal"], said["invitations"]["portal"]
            yield World(machines, browser, client, address, link, issued["token"])
    finally:
        machines.end()


def test_the_dashboard_in_a_browser(world: World) -> None:
    """One story, because machines and a browser take longer to start than all of it takes."""
    owner = Eyes(world.browser, world.address)
    the_link_lets_its_owner_in_once(world, owner)
    both_machines_are_on_the_map(owner)
    a_value_changes_without_reloading(world, owner)
    a_form_sends_a_wave(owner)
    what_a_particle_says_is_text(world, owner)
    the_cause_of_a_fault_is_two_clicks_away(owner)
    the_tree_shows_one_particle(world, owner)
    the_keyboard_is_enough(owner)
    no_page_breaks_a_rule_of_accessibility(owner)
    a_wave_is_followed_from_the_search_to_its_hops(world, owner)
    a_stranger_sees_who_could_let_her_in(world)
    the_owner_sees_who_was_refused_and_who_may_change_that(world, owner)
    a_plan_is_carried_out(world, owner)
    a_machine_that_is_killed_goes_and_its_particles_come_back(world, owner)
    assert (owner.foreign, owner.errors) == ([], [])
    a_machine_is_drained_and_stopped_by_its_buttons(world, owner)
    assert owner.foreign == []


def the_link_lets_its_owner_in_once(world: World, owner: Eyes) -> None:
    owner.page.goto(world.link)
    owner.weight = 0
    owner.page.click("button.primary")
    owner.page.wait_for_selector("#map .machine")
    assert 5_000 < owner.weight < 150_000, "the first page has at most 150 KB"
    cookie = owner.context.cookies()[0]
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict"
    other = Eyes(world.browser, world.address)
    other.page.goto(world.link)
    other.page.click("button.primary")
    assert "was already used" in other.page.inner_text("[role=alert]")
    other.context.close()


def both_machines_are_on_the_map(owner: Eyes) -> None:
    owner.sees(2, "#map .machine")
    assert owner.page.locator("#map .mname").all_text_contents() == ["one", "two"]
    assert "2 of 2 machines serve" in owner.page.inner_text("#pills")


def a_value_changes_without_reloading(world: World, owner: Eyes) -> None:
    with owner.page.expect_response(lambda answer: "/-/events" in answer.url):
        owner.go("particle?point=localhost:hits")
    owner.page.evaluate("window.kept = true")
    for number in range(1, 4):
        world.client.ask("localhost:hits", "Ext<Add>")
        owner.page.locator("#state", has_text=f'"value": {number}').wait_for()
    assert owner.page.evaluate("window.kept") is True


def a_form_sends_a_wave(owner: Eyes) -> None:
    owner.page.select_option("#method", "Ext<Add>/")
    owner.page.wait_for_selector("[name='arg.by']")
    owner.page.fill("[name='arg.by']", "39")
    owner.page.click("form.wave button.primary")
    assert "200" in owner.page.inner_text("#reply") and "42" in owner.page.inner_text("#reply pre")
    owner.page.fill("[name='arg.by']", "many")
    owner.page.click("form.wave button.primary")
    assert "is not valid; expected: whole number" in owner.page.inner_text("[role=alert]")


def what_a_particle_says_is_text(world: World, owner: Eyes) -> None:
    world.client.ask("localhost:hits", "Ext<Note>", {"text": EVIL})
    owner.go("particle?point=localhost:hits&method=Ext%3CNote%3E/")
    assert EVIL in owner.page.inner_text("#state")
    owner.page.fill("[name='arg.text']", EVIL)
    owner.page.click("form.wave button.primary")
    assert EVIL in owner.page.inner_text("#reply pre") and owner.page.input_value("[name='arg.text']") == EVIL
    assert owner.page.locator("main img, main script").count() == 0


def the_cause_of_a_fault_is_two_clicks_away(owner: Eyes) -> None:
    owner.go("")
    card = owner.page.locator("article.card", has_text="Mailer has no running driver")
    assert "it is tried again in" in card.inner_text()
    card.locator("button:has-text('Try now')").click()
    assert owner.page.inner_text("#tried").count("smtp://127.0.0.1:2525") == 2, "both machines have tried"
    owner.go("")
    card.locator("a.pt").click()
    assert "smtp://127.0.0.1:2525 refused the connection" in owner.page.inner_text("#why")
    assert "it is tried again in" in owner.page.inner_text("#why")
    owner.go("kinds?kind=Mailer")
    assert "it is tried again in" in owner.page.inner_text("main")
    owner.go("particles?q=hit")
    owner.page.click("text=localhost:hits")
    owner.page.wait_for_selector("h1:has-text('hits')")


def the_tree_shows_one_particle(world: World, owner: Eyes) -> None:
    owner.go("")
    owner.page.click("#tree a.leaf:has-text('hits')")
    owner.page.locator("#onepart h2", has_text="localhost:hits").wait_for()
    owner.page.evaluate("window.kept = true")
    world.client.ask("localhost:hits", "Ext<Add>")
    value = world.client.exec("get localhost:hits")[0].unwrap()["value"]
    owner.page.locator("#onepart pre", has_text=f'"value": {value}').wait_for()
    owner.page.click("#tree summary:has-text('localhost')")
    owner.sees(1, "#tree details[data-key='localhost']:not([open])")
    owner.page.click("#maph")  # nothing of the tree has the focus any more
    world.client.exec("create localhost:leaf<Counter>")
    owner.sees(1, "#tree details:not([open]) [href*='leaf']")
    assert owner.page.evaluate("window.kept") is True, "what was closed stays closed while the tree keeps up"


def the_keyboard_is_enough(owner: Eyes) -> None:
    owner.go("")
    owner.page.keyboard.press("Tab")
    assert owner.page.evaluate("document.activeElement.className") == "skip"
    owner.page.keyboard.press("/")
    owner.page.keyboard.type("Counter")
    owner.page.keyboard.press("Enter")
    owner.page.wait_for_selector("text=particles of Kind Counter")


def no_page_breaks_a_rule_of_accessibility(owner: Eyes) -> None:
    found: dict[str, list[str]] = {}
    for path in PAGES:
        owner.go(path)
        name = path.partition("?")[0] or "overview"
        for scheme, width in (("dark", 1440), ("light", 1440), ("dark", 390)):
            owner.look(scheme=scheme, width=width)
            owner.picture(f"{name}-{scheme}-{width}")
            wrong = owner.violations()
            wide = owner.page.evaluate("document.documentElement.scrollWidth")
            wrong += [f"it is {wide} pixels wide"] if wide > width else []
            if wrong:
                found[f"{path} {scheme} {width}"] = wrong
        owner.look()
    assert found == {}


def a_wave_is_followed_from_the_search_to_its_hops(world: World, owner: Eyes) -> None:
    sent = world.client.ping("localhost:post", "Ext<Add>")
    owner.go("")
    owner.page.keyboard.press("/")
    owner.page.keyboard.type(sent.id)
    owner.page.keyboard.press("Enter")
    owner.page.wait_for_selector("text=Why it failed")
    assert "smtp://127.0.0.1:2525" in owner.page.inner_text("main")
    for scheme, width in (("dark", 1440), ("light", 390)):
        owner.look(scheme=scheme, width=width)
        owner.picture(f"wave-{scheme}-{width}")
        assert owner.violations() == []
    owner.look()


def the_owner_sees_who_was_refused_and_who_may_change_that(world: World, owner: Eyes) -> None:
    with BlockingClient(world.machines.data_dir, machine="one", token=world.stranger) as ada:
        assert ada.ping("localhost:hits", "Ext<Add>").status == 404, "she may not even know that it is there"
    owner.go("")
    card = owner.page.locator("article.card", has_text="hyperspace:users:ada was refused")
    case = card.locator("li", has_text="localhost:hits")
    case.locator("a:has-text('Prepare a grant')").wait_for()
    assert card.count() == 1
    assert owner.page.locator("article.card", has_text="no particle").count() == 0, "a refusal is not a fault besides"
    case.locator("a:has-text('Explain')").click()
    verdict = owner.page.inner_text("#verdict")
    assert "No: hyperspace:users:ada may not send Ext<Add>" in verdict
    assert "grant perm +csd-rwX on localhost:hits to hyperspace:users:ada" in verdict
    owner.page.click("#grant button")
    assert "It is granted" in owner.page.inner_text("#granted")
    assert "Yes: hyperspace:users:ada may send Ext<Add>" in owner.page.inner_text("#verdict")
    with BlockingClient(world.machines.data_dir, machine="one", token=world.stranger) as ada:
        assert ada.ping("localhost:hits", "Ext<Add>").ok


def a_plan_is_carried_out(world: World, owner: Eyes) -> None:
    points = [f"localhost:p{number}" for number in range(24)]
    world.client.exec("; ".join(f"create {point}<Counter>" for point in points))
    home = ""
    for point in points:
        world.client.ask(point, "Ext<Add>")
        home = home or world.client.ask("GLOBAL::machine", "Ext<Describe>", {"point": point})["star"]
        world.client.ping("GLOBAL::machine", "Ext<Move>", {"point": point, "star": home})
    owner.page.once("dialog", lambda asked: asked.accept())
    owner.go("balance")
    owner.page.click("button:has-text('Carry out')")
    owner.page.wait_for_selector("#done")
    assert "particles moved" in owner.page.inner_text("#done")


def a_stranger_sees_who_could_let_her_in(world: World) -> None:
    ada = Eyes(world.browser, world.address)
    ada.log_in(world.stranger)
    assert "You may not see this page" in ada.page.inner_text("main")
    assert "grant perm +csd-rwX on GLOBAL::machine to hyperspace:users:ada" in ada.page.inner_text("main")
    world.client.exec("grant perm +csd-rwX on GLOBAL::machine to hyperspace:users:ada")
    ada.go("machines")
    ada.page.wait_for_selector("text=The machine of this portal")
    assert ada.page.locator("button:has-text('Stop')").count() == 0
    assert ada.page.locator("button:has-text('Drain')").count() == 0
    world.client.exec("create localhost:open<Counter>; create localhost:shut<Counter>")
    world.client.exec("grant perm +csd-RwX on localhost:open to hyperspace:users:ada")
    world.client.exec("grant perm +csd-Rwx on localhost:shut to hyperspace:users:ada")
    ada.go("particle?point=localhost:open")
    assert ada.page.locator("button:has-text('Send Ext<Add>')").count() == 1
    ada.go("particle?point=localhost:shut")
    assert "You may not send Ext<Add> here" in ada.page.inner_text("#maynot")
    assert ada.page.locator("button:has-text('Send')").count() == 0
    ada.page.click("#maynot a")
    assert "No: hyperspace:users:ada may not send Ext<Add>" in ada.page.inner_text("#verdict")
    assert "grant perm" in ada.page.inner_text("#verdict")
    ada.go("balance")
    assert ada.page.locator("button:has-text('Carry out')").count() == 0
    ada.go("access?point=GLOBAL::machine&method=Ext%3CStop%3E")
    assert "No: hyperspace:users:ada may not send Ext<Stop>" in ada.page.inner_text("#verdict")
    assert ada.foreign == []
    ada.context.close()


def a_machine_that_is_killed_goes_and_its_particles_come_back(world: World, owner: Eyes) -> None:
    points = [f"localhost:c{number}" for number in range(12)]
    world.client.exec("; ".join(f"create {point}<Counter>" for point in points))
    homes = {point: world.client.ping(point, "Ext<Add>").unwrap() and _machine(world, point) for point in points}
    (on_two, *_) = [point for point, machine in homes.items() if machine == "two"]
    owner.go("")
    owner.sees(2, "#map .machine")
    world.machines.kill("two")
    owner.sees(1, "#map .machine")
    until_sync(lambda: world.client.ping(on_two, "Ext<Add>").ok, f"{on_two} to live elsewhere")
    owner.go(f"particle?point={on_two}")
    assert "one ·" in owner.page.inner_text("#about") and '"value": ' in owner.page.inner_text("#state")
    owner.go("machines")
    assert owner.page.locator("button:has-text('Stop one')").count() == 1


def a_machine_is_drained_and_stopped_by_its_buttons(world: World, owner: Eyes) -> None:
    owner.page.on("dialog", lambda asked: asked.accept())
    owner.go("machines")
    world.machines.start("two")
    owner.page.locator("button:has-text('Drain two')").click()
    owner.page.locator(".card[role=status]", has_text="left machine two").wait_for()
    owner.page.locator("#machines tr:has-text('two')", has_text="draining").wait_for()
    assert world.client.ask("GLOBAL::machine", "Ext<Status>")["draining"] is False
    owner.page.click("button:has-text('Stop two')")
    world.machines.running["two"].wait(PATIENCE)
    owner.page.locator("button:has-text('Drain one nevertheless')").click()
    owner.page.locator(".card[role=status]", has_text="left machine one").wait_for()
    assert world.client.ask("GLOBAL::machine", "Ext<Status>")["draining"] is True
    owner.go("machines")
    owner.page.click("button:has-text('Stop one')")
    world.machines.running["one"].wait(PATIENCE)


def _machine(world: World, point: str) -> Any:
    return world.client.ask("GLOBAL::machine", "Ext<Describe>", {"point": point})["machine"]
