"""Reads numbers, names and blocks of bytes, never beyond the end of its part."""

from __future__ import annotations

from hyperverse_core.errors import BadRequest

__all__ = ["ByteReader"]


class ByteReader:
    """A part of a file.

    Args:
        data: the whole file.
        at: offset of the next byte.
        end: offset behind the last byte of the part.
    """

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.data = data
        self.at = at
        self.end = end

    def fault(self, what: str) -> BadRequest:
        """Returns an error for the current offset, for the caller to raise."""
        return BadRequest(f"it is malformed at byte {self.at}: {what}", hint="copy the file again, or compile it again")

    @property
    def more(self) -> bool:
        """Whether there are bytes left."""
        return self.at < self.end

    def byte(self) -> int:
        """Reads the next byte. Raises BadRequest at the end."""
        if self.at >= self.end:
            raise self.fault("it is cut off")
        self.at += 1
        return self.data[self.at - 1]

    def number(self, bits: int = 32) -> int:
        """Reads an unsigned LEB128 number. Raises BadRequest."""
        result = shift = 0
        while True:
            byte = self.byte()
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                if result >> bits:
                    raise self.fault(f"a number has more than {bits} bits")
                return result
            if shift >= bits:
                raise self.fault(f"a number has more than {bits} bits")

    def skip_signed(self) -> None:
        """Skips a signed LEB128 number."""
        for _ in range(10):
            if self.byte() < 0x80:
                return
        raise self.fault("a number has more than 64 bits")

    def skip(self, size: int) -> None:
        """Skips ``size`` bytes. Raises BadRequest when fewer are left."""
        if size > self.end - self.at:
            raise self.fault(f"{size} bytes should follow, and {self.end - self.at} are left")
        self.at += size

    def block(self, size: int) -> ByteReader:
        """Returns the next ``size`` bytes and skips them. Raises BadRequest when fewer are left."""
        start = self.at
        self.skip(size)
        return ByteReader(self.data, start, self.at)

    def name(self) -> str:
        """Reads a name. Raises BadRequest when it is truncated or not UTF-8."""
        part = self.block(self.number())
        try:
            return self.data[part.at : part.end].decode("utf-8")
        except UnicodeDecodeError:
            raise self.fault("a name is not UTF-8") from None
