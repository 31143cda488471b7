"""Content by its digest: the contract of a store, and how content of artifacts is read.

For authors of drivers that need the bytes of a published file: :func:`read_content` gets them with the rights of who
asks, and keeps them in :attr:`DriverHost.blobs`, the store of the machine. For authors of stores: subclass
:class:`Blobs`, register the class with the hook ``hyperverse_register_blobs``, and test it with
:class:`hyperverse_core.testing.BlobsConformance`. The names of this module are public: Semantic Versioning covers them.
"""

from __future__ import annotations

from .contracts.blobs import PIECE, BlobInfo, Blobs, digest_of, hex_of
from .contracts.content import Content, content_at, each_in_window, fetch_into, read_content

__all__ = [
    "PIECE",
    "BlobInfo",
    "Blobs",
    "Content",
    "content_at",
    "digest_of",
    "each_in_window",
    "fetch_into",
    "hex_of",
    "read_content",
]
