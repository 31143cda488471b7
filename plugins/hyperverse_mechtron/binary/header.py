"""The first eight bytes of a file: whether it is WebAssembly, and of which form."""

from __future__ import annotations

import enum

from hyperverse_core.errors import BadRequest

__all__ = ["BinaryForm", "form_of"]

_MAGIC = b"\0asm"
_MODULE = b"\1\0\0\0"
_COMPONENT = b"\x0d\0\1\0"
_OTHERS = (
    (b"(module", "it is WebAssembly text", "compile it to the binary format, for example with `wat2wasm`"),
    (b"(component", "it is WebAssembly text", "compile it to the binary format, for example with `wasm-tools parse`"),
    (b"\x7fELF", "it is a program for this computer's processor", "compile it for the target wasm32"),
    (b"PK\3\4", "it is a ZIP archive", "name the module in it"),
    (b"\x1f\x8b", "it is compressed", "decompress it first"),
    (b"!<arch>", "it is an archive of object files", "link it to a module"),
    (b"BC\xc0\xde", "it is LLVM bitcode", "link it to a module"),
)


class BinaryForm(enum.Enum):
    """The two forms of binary WebAssembly."""

    MODULE = "module"
    COMPONENT = "component"


def form_of(binary: bytes) -> BinaryForm:
    """Returns the form of a file. Raises a BadRequest that names the actual form if it is not WebAssembly."""
    if binary[:4] == _MAGIC:
        version = binary[4:8]
        if version == _MODULE:
            return BinaryForm.MODULE
        if version == _COMPONENT:
            return BinaryForm.COMPONENT
        if len(version) < 4:
            raise BadRequest("it is cut off within its first eight bytes", hint="copy the file again")
        number, layer = int.from_bytes(version[:2], "little"), int.from_bytes(version[2:], "little")
        what = f"a component of version {number}" if layer else f"WebAssembly of version {number}"
        raise BadRequest(f"it is {what}, which is not supported", hint="modules have version 1, components version 13")
    if not binary:
        raise BadRequest("it is empty", hint="name a file that a compiler has written")
    start = binary[:512].lstrip(b" \t\r\n")
    for magic, what, hint in _OTHERS:
        if start.startswith(magic):
            raise BadRequest(f"it is not binary WebAssembly: {what}", hint=hint)
    raise BadRequest(
        f"it is not WebAssembly: it begins with {binary[:8]!r}",
        hint="a module begins with the four bytes '\\0asm'",
    )
