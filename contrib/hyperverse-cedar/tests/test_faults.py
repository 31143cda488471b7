"""What is wrong in a file of policies is told with its file and line when a machine starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from hyperverse_cedar.policy import CedarPolicy

from hyperverse_core.errors import ConfigError

_FINE = "// a comment; with a semicolon\npermit (principal, action, resource);\n\n"

# A policy behind `_FINE`, the line at which it is wrong, and a part of what is said.
_FAULTS = [
    ("permit (principal, action, resource)\nwhen { resource.owner == }\n;", 5, "unexpected token `}`"),
    ("permit (principal, action resource);", 4, "unexpected token"),
    ("permit (principal, action, resource)\n\n", 4, "does not end with a semicolon"),
    ("permit (principal,\n action,\n resource;\n);", 6, "unexpected token"),
    ('@id("a")\npermitt (principal, action, resource);', 5, "permitt"),
    ("permit (principal, action, resource)\nwhen { foo(3) };", 5, "foo"),
    ('permit (principal, action, resource)\nwhen { resource.kind == "Ap };', 5, "string"),
    ("permit (principal == ?principal, action, resource);", 4, "template"),
    ("permit (principal, action, resource)\nwhen { resource.ownr == principal };", 5, "did you mean 'owner'"),
    ("permit (principal, action, resource)\nwhen { resource.properties.x == context.pat };", 5, "'path'"),
    ("permit (principal, action, resource)\nwhen { resource.properties == {} };", 5, "name of a property"),
    ('permit (\nprincipal == User::"a",\n action, resource);', 5, "every particle is a Particle"),
    ("permit (\nprincipal is User,\n action, resource);", 5, "every particle is a Particle"),
    ('permit (principal == Particle::"no point!",\n action, resource);', 4, "not a point"),
    ('permit (principal,\n action == Action::"raed",\n resource);', 5, "no action 'raed'"),
    ('permit (principal, action in [\nAction::"needs:raed"], resource);', 5, "did you mean 'needs:read'"),
    (
        "permit (principal, action, resource)\nwhen {\n (if true then principal else resource).owner == principal };",
        6,
        "to which particle",
    ),
    ('permit (principal, action, resource)\nwhen { resource.hasTag("x") };', 5, "no tags"),
    ("permit (principal, action, resource)\nwhen { context == {} };", 5, "`context` needs a name"),
]


@pytest.mark.parametrize(("text", "line", "said"), _FAULTS)
def test_a_fault_is_told_with_file_and_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    file = tmp_path / "rules.cedar"
    file.write_text(_FINE + text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        CedarPolicy({"policies": str(file)})
    fault = caught.value.faults[0]
    assert fault.startswith(f"{file}:{line}: "), fault
    assert said in fault


def test_every_fault_of_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.cedar").write_text("permit (principal, action);\nforbid (principal, action, resource) when { f() };")
    (tmp_path / "b.cedar").write_bytes(b"\n\xff")
    (tmp_path / "c.txt").write_text("no policy, and not read")
    with pytest.raises(ConfigError) as caught:
        CedarPolicy({"policies": str(tmp_path)})
    assert [fault.split(": ")[0] for fault in caught.value.faults] == [
        f"{tmp_path}/a.cedar:1",
        f"{tmp_path}/a.cedar:2",
        f"{tmp_path}/b.cedar:2",
    ]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "security.policies: must name a file"),
        ({"policies": "rules.cedar"}, "absolute path"),
        ({"policies": 3}, "must be a string"),
        ({"policies": "/nowhere/at/all.cedar"}, "cannot be read: No such file"),
        ({"policies": "/x", "mode": "narow"}, "did you mean 'narrow'"),
        ({"policies": "/x", "moed": "narrow"}, "no such setting"),
        ({"policies": "/x", "same_owner": "yes"}, "true or false"),
    ],
)
def test_a_wrong_setting_is_told(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        CedarPolicy(settings)


@pytest.mark.parametrize("text", ["", "// nothing but a comment\n"])
def test_no_policy_at_all_is_a_fault(tmp_path: Path, text: str) -> None:
    file = tmp_path / "rules.cedar"
    file.write_text(text)
    with pytest.raises(ConfigError, match="it contains no policy"):
        CedarPolicy({"policies": str(file)})
    file.unlink()
    with pytest.raises(ConfigError, match=r"no file \*\.cedar"):
        CedarPolicy({"policies": str(tmp_path)})
