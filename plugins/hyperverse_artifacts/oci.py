"""OCI image layouts: writing a version as one, and reading the files of one.

A layout has ``oci-layout``, ``index.json`` and ``blobs/sha256/``. A version with a WebAssembly file becomes an image
with the config ``application/vnd.wasm.config.v0+json``. That file is its first layer; the other files are further
layers, with their paths as titles.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from hyperverse_core.blobs import digest_of, hex_of
from hyperverse_core.errors import BadRequest, NotFound

from .names import check_paths
from .reading import File
from .sources import Source, source_of
from .wasm_worlds import world_of

__all__ = ["INDEX", "LAYOUT", "MANIFEST", "config_of", "index_of", "manifest_of", "ordered", "sources_in"]

LAYOUT: Final = b'{"imageLayoutVersion":"1.0.0"}'
INDEX: Final = "application/vnd.oci.image.index.v1+json"
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
_WASM: Final = "application/wasm"
_WASM_CONFIG: Final = "application/vnd.wasm.config.v0+json"
_EMPTY: Final = "application/vnd.oci.empty.v1+json"
_BUNDLE: Final = "application/vnd.hyperverse.bundle.v1"
_TITLE: Final = "org.opencontainers.image.title"
_REF: Final = "org.opencontainers.image.ref.name"
_CREATED: Final = "1970-01-01T00:00:00Z"
"""The same for every export, so that a version always has the same digest."""
_LARGEST: Final = 4 * 1024 * 1024


def ordered(files: Sequence[File]) -> list[File]:
    """Returns the files in the order of their layers: WebAssembly first."""
    return sorted(files, key=lambda file: (file.type != _WASM, file.path))


def config_of(files: Sequence[File], first: bytes) -> tuple[str, bytes]:
    """Returns the media type and the content of an image's config.

    Args:
        files: the files, in the order of the layers.
        first: content of the first file.
    """
    if files[0].type != _WASM:
        return _EMPTY, b"{}"
    world = world_of(first)
    config: dict[str, Any] = {
        "created": _CREATED,
        "architecture": "wasm",
        "os": "wasip1" if world is None else "wasip2",
        "layerDigests": [file.digest for file in files],
    }
    if world is not None:
        config["component"] = {"exports": world.exports, "imports": world.imports}
    return _WASM_CONFIG, _text(config)


def manifest_of(files: Sequence[File], config: tuple[str, bytes]) -> bytes:
    """The manifest of an image."""
    kind, content = config
    layers = [
        {
            "mediaType": file.type.partition(";")[0],
            "digest": file.digest,
            "size": file.size,
            "annotations": {_TITLE: file.path},
        }
        for file in files
    ]
    manifest: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": kind, "digest": digest_of(content), "size": len(content)},
        "layers": layers,
    }
    if kind == _EMPTY:
        manifest["artifactType"] = _BUNDLE
    return _text(manifest)


def index_of(manifest: bytes, tag: str) -> bytes:
    """The index of a layout with one image."""
    entry = {"mediaType": MANIFEST, "digest": digest_of(manifest), "size": len(manifest), "annotations": {_REF: tag}}
    return _text({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]})


def sources_in(folder: Path, tag: str = "") -> list[Source]:
    """Returns the files of an image, each compared with its digest.

    Args:
        folder: folder of the layout.
        tag: name of the image; empty when there is only one.

    Raises:
        NotFound: there is no such layout or image.
        BadRequest: the layout is malformed or damaged, or the name of a file is not allowed.
    """
    if not (folder / "oci-layout").is_file():
        raise NotFound(f"{str(folder)!r} is not an OCI image layout", hint="it has no file oci-layout")
    index = _parsed((folder / "index.json"), None)
    manifest = _parsed(_blob(folder, _chosen(index, tag)), _chosen(index, tag))
    layers = manifest.get("layers")
    if not isinstance(layers, list) or not layers:
        raise BadRequest("the image has no layers", hint="a version has at least one file")
    sources = [_source(folder, layer, number) for number, layer in enumerate(layers)]
    check_paths(source.path for source in sources)
    return sources


def _chosen(index: Mapping[str, Any], tag: str) -> Mapping[str, Any]:
    said = index.get("manifests")
    if not isinstance(said, list):
        raise BadRequest(
            "the index of the layout has no list of manifests", hint="the layout is damaged: export it again"
        )
    images = [one for one in said if isinstance(one, dict) and one.get("mediaType") == MANIFEST]
    named = {str(_annotation(one, _REF) or ""): one for one in images}
    if tag:
        if tag not in named:
            raise NotFound(f"the layout has no image {tag!r}", hint=f"it has: {', '.join(sorted(named)) or 'none'}")
        return dict(named[tag])
    if len(images) != 1:
        hint = f"choose one with --tag: {', '.join(sorted(named))}" if images else "export one first"
        raise NotFound(f"the layout has {len(images)} images", hint=hint)
    return dict(images[0])


def _annotation(descriptor: Mapping[str, Any], name: str) -> Any:
    found = descriptor.get("annotations")
    return found.get(name) if isinstance(found, dict) else None


def _blob(folder: Path, descriptor: Mapping[str, Any]) -> Path:
    digest = descriptor.get("digest")
    return folder / "blobs" / "sha256" / hex_of(digest if isinstance(digest, str) else "")


def _parsed(file: Path, descriptor: Mapping[str, Any] | None) -> dict[str, Any]:
    try:
        if file.exists() and not file.is_file():
            raise BadRequest(f"{str(file)!r} is not a regular file")  # reading a pipe would never end
        if file.stat().st_size > _LARGEST:
            raise BadRequest(f"{str(file)!r} is too large for a JSON file of a layout")
        content = file.read_bytes()
        said = json.loads(content)
    except FileNotFoundError:
        raise NotFound(f"the layout has no file {str(file)!r}") from None
    except (ValueError, RecursionError, OSError) as exc:
        raise BadRequest(f"{str(file)!r} cannot be read: {exc}") from exc
    if descriptor is not None and digest_of(content) != descriptor["digest"]:
        raise BadRequest(f"{str(file)!r} does not match its digest", hint="the layout is damaged: export it again")
    if not isinstance(said, dict):
        raise BadRequest(f"{str(file)!r} is not a JSON object")
    return said


def _source(folder: Path, layer: Any, number: int) -> Source:
    if not isinstance(layer, dict):
        raise BadRequest(f"layer {number} of the image is malformed")
    file = _blob(folder, layer)
    if not file.is_file() or file.is_symlink():
        raise NotFound(f"the layout has no content {layer.get('digest')}")
    title = _annotation(layer, _TITLE)
    if title is None:
        title = ("module.wasm" if number == 0 else f"module-{number}.wasm") if layer.get("mediaType") == _WASM else None
    if not isinstance(title, str):
        raise BadRequest(f"layer {number} of the image has no name", hint=f"annotate it with {_TITLE}")
    source = source_of(title, file)
    if source.digest != layer["digest"] or source.size != layer.get("size", source.size):
        raise BadRequest(f"the file {title!r} does not match its digest", hint="the layout is damaged: export it again")
    return source


def _text(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
