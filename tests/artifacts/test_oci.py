"""Versions as OCI image layouts, and back."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from artifacts.conftest import SERIES, zipped
from hyperverse_artifacts.exporting import export_oci
from hyperverse_artifacts.oci import sources_in
from hyperverse_artifacts.publishing import publish
from hyperverse_artifacts.wasm_worlds import world_of
from hyperverse_core import Machine, Point
from hyperverse_core.blobs import digest_of, hex_of, read_content
from hyperverse_core.errors import BadRequest, Conflict, NotFound

MODULE = b"\0asm\1\0\0\0" + os.urandom(100)
COMPONENT = b"\0asm\x0d\0\1\0" + bytes(
    [
        *(10, 17, 1, 0, 12, *b"test:a/b@1.0", 5, 0),  # one import: an interface
        *(11, 9, 1, 0, 3, *b"run", 1, 0, 0),  # one export: a function
    ]
)


def blob(folder: Path, digest: str) -> bytes:
    content = (folder / "blobs" / "sha256" / hex_of(digest)).read_bytes()
    assert digest_of(content) == digest
    return content


async def exported(repo: Machine, folder: Path, files: dict[str, bytes]) -> dict:
    await repo.client().exec(f"publish ^[ b ]-> {SERIES}:1.0.0", files={"b": zipped(files)})
    digest = await export_oci(repo.client(), f"{SERIES}:1.0.0", folder)
    assert json.loads((folder / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads((folder / "index.json").read_text())
    (image,) = index["manifests"]
    assert (index["schemaVersion"], image["digest"]) == (2, digest)
    assert image["annotations"] == {"org.opencontainers.image.ref.name": "1.0.0"}
    return json.loads(blob(folder, digest))


async def test_a_module_is_an_image_of_webassembly(repo: Machine, tmp_path: Path) -> None:
    manifest = await exported(repo, tmp_path / "o", {"a.txt": b"text", "wasm/app.wasm": MODULE})
    assert manifest["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    assert manifest["config"]["mediaType"] == "application/vnd.wasm.config.v0+json"
    config = json.loads(blob(tmp_path / "o", manifest["config"]["digest"]))
    layers = manifest["layers"]
    assert config["architecture"] == "wasm"
    assert config["os"] == "wasip1"
    assert config["layerDigests"] == [layer["digest"] for layer in layers]
    assert [layer["mediaType"] for layer in layers] == ["application/wasm", "text/plain"]
    assert blob(tmp_path / "o", layers[0]["digest"]) == MODULE
    assert layers[0]["size"] == len(MODULE)


async def test_a_component_names_its_imports_and_exports(repo: Machine, tmp_path: Path) -> None:
    manifest = await exported(repo, tmp_path / "o", {"app.wasm": COMPONENT})
    config = json.loads(blob(tmp_path / "o", manifest["config"]["digest"]))
    assert config["os"] == "wasip2"
    assert config["component"] == {"exports": ["run"], "imports": ["test:a/b@1.0"]}


@pytest.mark.parametrize("cut", range(8, len(COMPONENT)))
def test_a_component_that_is_cut_off_is_no_mishap(cut: int) -> None:
    assert world_of(COMPONENT[:cut]) is not None


async def test_files_without_webassembly_are_an_image_too(repo: Machine, tmp_path: Path) -> None:
    manifest = await exported(repo, tmp_path / "o", {"a.txt": b"text"})
    assert manifest["config"]["mediaType"] == "application/vnd.oci.empty.v1+json"
    assert blob(tmp_path / "o", manifest["config"]["digest"]) == b"{}"
    assert manifest["artifactType"] == "application/vnd.hyperverse.bundle.v1"


async def test_what_is_exported_is_imported(repo: Machine, tmp_path: Path) -> None:
    files = {"a.txt": b"text", "wasm/app.wasm": MODULE, "wasm/b.wasm": COMPONENT}
    await exported(repo, tmp_path / "o", files)
    sources = sources_in(tmp_path / "o")
    await publish(repo.client(), sources, Point.parse(f"{SERIES}:2.0.0"), lambda sent: None)
    for path, content in files.items():
        assert await read_content(repo.client(), f"{SERIES}:2.0.0:/{path}") == content
    again = await export_oci(repo.client(), f"{SERIES}:1.0.0", tmp_path / "again")
    assert (tmp_path / "o" / "blobs" / "sha256" / hex_of(again)).exists()
    with pytest.raises(Conflict, match="not empty"):
        await export_oci(repo.client(), f"{SERIES}:1.0.0", tmp_path / "o")


def layout(folder: Path, layers: list[tuple[dict, bytes]], tags: tuple[str, ...] = ("1.0.0",)) -> Path:
    """A layout as other tools write it."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(content: bytes) -> dict:
        (blobs / hex_of(digest_of(content))).write_bytes(content)
        return {"digest": digest_of(content), "size": len(content)}

    manifest = {"schemaVersion": 2, "config": put(b"{}"), "layers": [{**put(c), **about} for about, c in layers]}
    image = {"mediaType": "application/vnd.oci.image.manifest.v1+json", **put(json.dumps(manifest).encode())}
    named = [{**image, "annotations": {"org.opencontainers.image.ref.name": tag}} for tag in tags]
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": named}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return folder


def titled(path: str) -> dict:
    return {"mediaType": "text/plain", "annotations": {"org.opencontainers.image.title": path}}


def test_a_module_of_another_tool_has_a_name(tmp_path: Path) -> None:
    (source,) = sources_in(layout(tmp_path, [({"mediaType": "application/wasm"}, MODULE)]))
    assert (source.path, source.size, source.digest) == ("module.wasm", len(MODULE), digest_of(MODULE))


def test_one_of_several_images_is_chosen(tmp_path: Path) -> None:
    layout(tmp_path, [(titled("a"), b"a")], tags=("1.0.0", "2.0.0"))
    with pytest.raises(NotFound, match="2 images"):
        sources_in(tmp_path)
    assert sources_in(tmp_path, "2.0.0")
    with pytest.raises(NotFound, match="no image '3'"):
        sources_in(tmp_path, "3")


@pytest.mark.parametrize(
    "layers",
    [
        [],
        [(titled("../up"), b"a")],
        [(titled("a"), b"a"), (titled("A"), b"b")],
        [({"mediaType": "text/plain"}, b"a")],
        [({**titled("a"), "digest": "sha256:../../etc/passwd"}, b"a")],
        [({**titled("a"), "size": 17}, b"a")],
    ],
)
def test_a_bad_layout_is_refused(tmp_path: Path, layers: list[tuple[dict, bytes]]) -> None:
    with pytest.raises(BadRequest):
        sources_in(layout(tmp_path, layers))


def test_a_damaged_layout_is_refused(tmp_path: Path) -> None:
    layout(tmp_path, [(titled("a"), b"content")])
    place = tmp_path / "blobs" / "sha256" / hex_of(digest_of(b"content"))
    place.write_bytes(b"Content")
    with pytest.raises(BadRequest, match="digest"):
        sources_in(tmp_path)
    place.unlink()
    with pytest.raises(NotFound):
        sources_in(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("manifests", 5),
        ("manifests", {"a": 1}),
        ("manifests", None),
        ("annotations", ["a"]),
        ("annotations", "a"),
        ("digest", 5),
        ("digest", None),
        ("digest", "md5:00"),
    ],
)
def test_an_index_with_values_that_cannot_be_is_refused(tmp_path: Path, name: str, value: object) -> None:
    layout(tmp_path, [(titled("a"), b"content")])
    index = json.loads((tmp_path / "index.json").read_text())
    if name == "manifests":
        index[name] = value
    else:
        index["manifests"][0][name] = value
    (tmp_path / "index.json").write_text(json.dumps(index))
    if name == "annotations":
        assert [each.path for each in sources_in(tmp_path)] == ["a"]
    else:
        with pytest.raises(BadRequest):
            sources_in(tmp_path)


def test_annotations_that_cannot_be_and_a_pipe_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="no name"):
        sources_in(layout(tmp_path, [({"mediaType": "text/plain", "annotations": ["a"]}, b"a")]))
    (tmp_path / "index.json").unlink()
    os.mkfifo(tmp_path / "index.json")
    with pytest.raises(BadRequest, match="not a regular file"):
        sources_in(tmp_path)


def test_what_is_no_layout_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="not an OCI image layout"):
        sources_in(tmp_path)
