"""The mistakes in what a driver names are told when it registers: particle class, Kinds, placement and star kinds."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyperverse_core.config import Plugins
from hyperverse_core.plugins import PluginSet
from plugins.driver_texts import HEAD, TAIL, Load


def test_a_driver_that_makes_its_particles_may_give_arguments(load: Load) -> None:
    body = "@attrs.define\nclass One(Particle):\n    need: int\n"
    tail = TAIL.replace("particle = One", "particle = One\n    async def create(self, record):\n        return One(1)")
    assert load(HEAD + body + tail) == ("ok", "")


@pytest.mark.parametrize("particle", ["3", "int", "One()"])
def test_particles_are_a_class_of_particles(load: Load, particle: str) -> None:
    state, reason = load(f"{HEAD}class One(Particle): ...\n{TAIL.replace('= One', f'= {particle}')}")
    assert state == "failed"
    assert "which is not a particle class" in reason


def test_a_kind_that_names_a_kind_that_nobody_declares_is_told(tmp_path: Path) -> None:
    tail = TAIL.replace('KindDef("One")', 'KindDef("One", children=("Bok",), parents=("Space",))')
    source = (
        f"{HEAD}class One(Particle): ...\nclass Book(Driver):\n    kind = KindDef('Book')\n{tail}    register(Book)\n"
    )
    (tmp_path / "hyperverse_local.py").write_text(source)
    info = PluginSet.load(Plugins(local=True), base=tmp_path, environ={}).info("local")
    assert info.state == "failed"
    assert "`children` of the Kind 'One' names 'Bok', which no plugin declares" in info.reason
    assert "did you mean 'Book'" in info.reason
    assert "class OneDriver (" in info.reason
    (tmp_path / "hyperverse_local.py").write_text(source.replace("Bok", "Book"))
    assert PluginSet.load(Plugins(local=True), base=tmp_path, environ={}).info("local").state == "ok"


def test_a_driver_that_names_a_placement_or_star_kind_that_nobody_brings_is_told(tmp_path: Path) -> None:
    tail = TAIL.replace(
        "particle = One", 'particle = One\n    placement = "spred"\n    star_kinds = frozenset({"Fald"})'
    )
    (tmp_path / "hyperverse_local.py").write_text(f"{HEAD}class One(Particle): ...\n{tail}")
    info = PluginSet.load(Plugins(local=True), base=tmp_path, environ={}).info("local")
    assert info.state == "failed"
    assert "`placement` is 'spred', which no plugin provides" in info.reason
    assert "did you mean 'spread'" in info.reason
    assert "`star_kinds` names 'Fald', which no plugin declares" in info.reason


def test_a_kind_of_a_plugin_that_is_not_loaded_may_be_missing(tmp_path: Path) -> None:
    tail = TAIL.replace('KindDef("One")', 'KindDef("One", children=("Book",))')
    (tmp_path / "hyperverse_local.py").write_text(HEAD + "class One(Particle): ...\n" + tail)
    found = PluginSet.load(Plugins(local=True, disable=("zmq",)), base=tmp_path, environ={})
    assert found.info("local").state == "ok"
    assert any("names 'Book', which no plugin declares" in note for note in found.notes)
