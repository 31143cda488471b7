"""A Config made in Python is checked like one from a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyperverse_core.config import STANDALONE, Choice, Config, KindSettings, Limits, Log, StarTemplate
from hyperverse_core.errors import ConfigError


def faults_of(**values: object) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        Config(**values)  # type: ignore[arg-type]
    return caught.value.faults


def test_the_default_is_a_whole_hyperverse_around_nexus() -> None:
    assert [star.kind for star in Config().stars] == [
        "Central", "Super", "Nexus", "Maelstrom", "Scribe", "Jump", "Fold",
    ]  # fmt: skip
    assert all(star.links == ("nexus",) for star in STANDALONE)


def test_a_driver_may_be_given_by_its_name_alone() -> None:
    assert Config(lanes="local").lanes == Choice("local", {})  # type: ignore[arg-type]


def test_a_data_dir_may_be_given_as_a_text() -> None:
    assert Config(data_dir="/srv/hv").data_dir == Path("/srv/hv")  # type: ignore[arg-type]


def test_an_integer_is_a_number_of_seconds() -> None:
    lease = Config(lease=3).lease
    assert lease == 3.0 and isinstance(lease, float)


def test_all_faults_are_reported_at_once() -> None:
    assert faults_of(name="Alpha", lease="2", seed=1.5) == (
        "name: 'Alpha' is not a name: use lower-case letters and digits, with hyphens between, a letter first",
        "seed: must be an integer, not 1.5",
        "lease: must be a number, not '2'",
    )


@pytest.mark.parametrize("value", [0, -1, True, "8", None, 1.0])
def test_a_limit_is_a_positive_integer(value: object) -> None:
    with pytest.raises(ConfigError, match="waves: must be"):
        Limits(waves=value)  # type: ignore[arg-type]


def test_true_is_no_number() -> None:
    assert faults_of(idle_after=True) == ("idle_after: must be a number, not True",)


def test_a_log_format_is_one_of_two() -> None:
    with pytest.raises(ConfigError, match="format: must be one of 'text', 'json', not 'xml'"):
        Log(format="xml")  # type: ignore[arg-type]


def test_a_kind_is_written_in_camel_case() -> None:
    assert faults_of(kinds={"counter": KindSettings(placement="hash")}) == (
        "kinds: 'counter' is not the name of a kind: write it in CamelCase, such as 'Central'",
    )


def test_two_stars_of_one_key_are_a_fault() -> None:
    stars = (StarTemplate("nexus", "Nexus"), StarTemplate("nexus", "Nexus"))
    assert faults_of(stars=stars) == ("stars[1]: there are two stars 'nexus[0]'; give one of them another index",)


def test_a_link_to_a_star_that_is_not_there_names_the_nearest() -> None:
    stars = (StarTemplate("nexus", "Nexus"), StarTemplate("fold", "Fold", links=("nexsus",)))
    assert faults_of(stars=stars) == ("stars[1].links[0]: there is no star 'nexsus'; did you mean 'nexus'?",)


def test_a_link_may_name_one_star_of_several() -> None:
    nexuses = (StarTemplate("nexus", "Nexus"), StarTemplate("nexus", "Nexus", index=1))
    assert Config(stars=(*nexuses, StarTemplate("fold", "Fold", links=("nexus[1]",)))).stars[2].index == 0
    assert faults_of(stars=(*nexuses, StarTemplate("fold", "Fold", links=("nexus[2]",)))) == (
        "stars[2].links[0]: there is no star 'nexus[2]'",
    )


def test_a_link_may_be_the_key_of_a_star_elsewhere() -> None:
    link = "STAR::central:relay[3]"
    assert Config(stars=(StarTemplate("fold", "Fold", links=(link,)),)).stars[0].links == (link,)
    (fault,) = faults_of(stars=(StarTemplate("fold", "Fold", links=("STAR::central",)),))
    assert fault.startswith("stars[0].links[0]: 'STAR::central' is not a star key: ")


def test_a_star_does_not_link_itself() -> None:
    assert faults_of(stars=(StarTemplate("nexus", "Nexus", links=("nexus[0]",)),)) == (
        "stars[0].links[0]: the star 'nexus[0]' has a link to itself",
    )
