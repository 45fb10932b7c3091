"""Server-sent events, read from bytes that may be cut anywhere.

Lines are cut as bytes and decoded whole, so a character that is split over two reads needs
no care of its own.
"""

from __future__ import annotations

from vareon_runtime.errors import UpstreamInvalid

MAX_EVENT_BYTES = 1024 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class EventStream:
    """Turns bytes into the data of events; comments and other fields are dropped."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._pending_bytes = 0
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._after_return = False
        self._at_start = True

    def feed(self, received: bytes) -> list[str]:
        """The data of every event that these bytes complete.

        Raises:
            UpstreamInvalid: If an event is too large or not UTF-8.
        """
        if self._after_return and received:
            self._after_return = False
            received = received.removeprefix(b"\n")
        if b"\n" not in received and b"\r" not in received:
            self._keep(received)
            return []
        lines = (b"".join(self._pieces) + received).splitlines(keepends=True)
        self._pieces, self._pending_bytes = [], 0
        if not lines[-1].endswith((b"\n", b"\r")):
            self._keep(lines.pop())
        elif lines[-1].endswith(b"\r"):
            self._after_return = True
        events = []
        for line in lines:
            event = self._take(line.rstrip(b"\r\n"))
            if event is not None:
                events.append(event)
        return events

    def finish(self) -> list[str]:
        """The event that was under way when the stream ended without an empty line."""
        events = [self._take(b"".join(self._pieces))] if self._pieces else []
        self._pieces, self._pending_bytes = [], 0
        events.append(self._take(b""))
        return [event for event in events if event is not None]

    def _keep(self, piece: bytes) -> None:
        if not piece:
            return
        self._pieces.append(piece)
        self._pending_bytes += len(piece)
        self._refuse_beyond(self._pending_bytes)

    def _take(self, line: bytes) -> str | None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if line:
            self._field(line)
            return None
        if not self._data:
            return None
        data = b"\n".join(self._data)
        self._data, self._data_bytes = [], 0
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise UpstreamInvalid(
                "The provider sent text that is not UTF-8; check that base_url is right."
            ) from None

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name != b"data":
            return
        value = value.removeprefix(b" ")
        self._data.append(value)
        self._data_bytes += len(value) + 1
        self._refuse_beyond(self._data_bytes)

    def _refuse_beyond(self, size: int) -> None:
        if size > MAX_EVENT_BYTES:
            raise UpstreamInvalid(
                "The provider sent an event beyond 1 MiB; check that base_url is right."
            )
