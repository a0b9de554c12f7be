"""The two streams of a process, kept within a limit."""

from __future__ import print_function

import codecs
import hashlib

TEXT = type(b"".decode("ascii"))  # unicode on Python 2; formatters take away a u before quotes


class Capture(object):
    """The first and last bytes of a stream, within a limit; says how many it left out."""

    def __init__(self, limit):
        self.half = max(limit // 2, 1)
        self.head = b""
        self.tail = b""
        self.cut = 0
        self.digest = hashlib.sha256()

    def add(self, data):
        """Take the next bytes."""
        self.digest.update(data)
        room = self.half - len(self.head)
        self.head += data[:room]
        self.tail += data[room:] if room > 0 else data
        if len(self.tail) > 2 * self.half:
            self.trim()

    def trim(self):
        """Forget what is neither first nor last."""
        extra = len(self.tail) - self.half
        if extra > 0:
            self.cut += extra
            self.tail = self.tail[extra:]

    def text(self):
        """Return what is kept, with a line in the place of what is not."""
        self.trim()
        middle = b""
        if self.cut:
            middle = ("\n[... %d bytes cut ...]\n" % self.cut).encode("ascii")
        return (self.head + middle + self.tail).decode("utf-8", "caliper")

    def whole(self):
        """Return SHA-256 of everything that came, where not all of it was kept; else None."""
        self.trim()
        return self.digest.hexdigest() if self.cut else None


def escape_bytes(error):
    """Return what is no UTF-8 as escapes: Python 2's own handler cannot decode."""
    data = bytearray(error.object[error.start : error.end])
    return TEXT("").join(TEXT("\\x%02x") % byte for byte in data), error.end


codecs.register_error("caliper", escape_bytes)
