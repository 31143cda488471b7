"""Reads the parts of WebAssembly's binary format that are needed before anything is compiled."""

from __future__ import annotations

from .components import ComponentContents, read_component
from .contents import PAGE, Contents, Extern, ExternLimits, FuncType, Reference
from .header import BinaryForm, form_of
from .modules import read_module
from .openings import FROZEN_GLOBAL, FROZEN_MEMORY, opened
from .skeleton import skeleton_of

__all__ = [
    "FROZEN_GLOBAL",
    "FROZEN_MEMORY",
    "PAGE",
    "BinaryForm",
    "ComponentContents",
    "Contents",
    "Extern",
    "ExternLimits",
    "FuncType",
    "Reference",
    "form_of",
    "opened",
    "read_component",
    "read_module",
    "skeleton_of",
]
