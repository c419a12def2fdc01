"""Frames over a socket: a JSON header, and raw bytes for the vectors. Nothing that is read is executed.

u32 length of the header | u32 length of the body | header, JSON | body: float32, little endian
"""

import json
import socket
import struct
from typing import Any, NamedTuple

_LENGTHS = struct.Struct("<II")
MAX_LENGTH = 1 << 30
"""Of a header or a body. Both ends are ours, so a longer one means that the stream is out of step."""

RECEIVE = 1 << 18

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_decode = json.JSONDecoder().decode


class Frame(NamedTuple):
    """One message as it came; the header is decoded by whoever needs it, in their own thread."""

    head: bytes
    body: bytes

    @property
    def header(self) -> dict[str, Any]:
        """The header, decoded."""
        decoded: dict[str, Any] = _decode(self.head.decode())
        return decoded

    def packed(self) -> bytes:
        """The frame as it goes over the wire."""
        return _LENGTHS.pack(len(self.head), len(self.body)) + self.head + self.body


class OutOfStepError(Exception):
    """What was read can't be a frame."""


def frame(header: dict[str, Any], body: bytes = b"") -> Frame:
    """A frame of a header that JSON can say."""
    return Frame(_encode(header).encode(), body)


def send(sock: socket.socket, message: Frame) -> None:
    """Send a whole frame; blocks. Raises OSError when the other end is gone."""
    lengths = _LENGTHS.pack(len(message.head), len(message.body))
    if len(message.body) < RECEIVE:
        sock.sendall(lengths + message.head + message.body)
    else:
        sock.sendall(lengths + message.head)
        sock.sendall(message.body)


class Decoder:
    """Frames out of bytes that come in pieces."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes | memoryview) -> list[Frame]:
        """The frames that these bytes complete. Raises OutOfStepError."""
        self._buffer += data
        frames: list[Frame] = []
        at = 0
        while len(self._buffer) - at >= _LENGTHS.size:
            head, body = _LENGTHS.unpack_from(self._buffer, at)
            if head > MAX_LENGTH or body > MAX_LENGTH:
                raise OutOfStepError(f"a frame of {head} + {body} bytes")
            start = at + _LENGTHS.size
            end = start + head + body
            if len(self._buffer) < end:
                break
            with memoryview(self._buffer) as view:
                frames.append(
                    Frame(bytes(view[start : start + head]), bytes(view[start + head : end]))
                )
            at = end
        if at:
            del self._buffer[:at]
        return frames

    @property
    def waiting(self) -> int:
        """Bytes of a frame that is not complete."""
        return len(self._buffer)
