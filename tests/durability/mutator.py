"""A seeded source of damaged files, for any reader of bytes."""

import random
import re
from collections.abc import Callable, Sequence

BYTES = (0x00, 0x01, 0x1F, 0x20, 0x22, 0x2C, 0x5B, 0x7B, 0x7F, 0x80, 0xFE, 0xFF)
INTEGERS = (0, 1, 2, 7, 255, 256, 2**15, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
NUMBERS = (b"0", b"-1", b"-0.0", b"1e999", b"NaN", b"-Infinity", b"true", b"null", b'"1"', b"[]", b"9" * 30, b"1e-320")
DIGITS = re.compile(rb"-?\d+(?:\.\d+)?")


class Mutator:
    """Source of variations of sample files, determined by the seed.

    Parameters
    ----------
    samples
        Contents of valid files, each with at least one byte.
    seed
        Seed of the random choices.
    largest
        Maximum number of bytes of a variation.
    """

    def __init__(self, samples: Sequence[bytes], seed: int, largest: int = 1 << 16) -> None:
        self.samples = samples
        self.random = random.Random(seed)
        self.largest = largest
        self.mutations: tuple[Callable[[bytearray], None], ...] = (
            self.flip, self.flip, self.set_byte, self.set_integer, self.set_integer, self.set_number, self.set_number,
            self.truncate, self.delete, self.insert, self.duplicate, self.nest, self.splice,
        )  # fmt: skip

    def __call__(self) -> bytes:
        """Return the next variation, which differs from its sample in one place or in a few."""
        content = bytearray(self.random.choice(self.samples))
        for _ in range(self.random.choice((1, 1, 1, 2, 3, 5))):
            self.random.choice(self.mutations)(content)
            del content[self.largest :]  # limited here, because some mutations repeat a piece many times
        return bytes(content)

    def flip(self, content: bytearray) -> None:
        """Flip a single bit."""
        if content:
            content[self.place(content)] ^= 1 << self.random.randrange(8)

    def set_byte(self, content: bytearray) -> None:
        """Replace a byte by one with a special meaning in many formats."""
        if content:
            content[self.place(content)] = self.random.choice(BYTES)

    def set_integer(self, content: bytearray) -> None:
        """Replace a binary integer by a limit of its type, the length of the file, or a neighbouring number."""
        size, order = self.random.choice((2, 4, 8)), self.random.choice(("little", "big"))
        if len(content) < size:
            return
        start = self.random.randrange(len(content) - size + 1)
        near = self.random.choice((int.from_bytes(content[start : start + size], order), len(content)))
        value = self.random.choice((*INTEGERS, near - 1, near + 1, 2 * near)) % (1 << 8 * size)
        content[start : start + size] = value.to_bytes(size, order)

    def set_number(self, content: bytearray) -> None:
        """Replace a number in the text by another value of JSON or of Python."""
        found = list(DIGITS.finditer(content))
        if found:
            start, end = self.random.choice(found).span()
            integer = str(self.random.choice(INTEGERS)).encode()
            content[start:end] = self.random.choice((*NUMBERS, integer, integer, integer))

    def truncate(self, content: bytearray) -> None:
        """Cut the end off."""
        del content[self.random.randrange(len(content) + 1) :]

    def delete(self, content: bytearray) -> None:
        """Cut a piece out."""
        start, end = self.piece(content)
        del content[start:end]

    def insert(self, content: bytearray) -> None:
        """Insert a few random bytes, or equal ones."""
        count = self.random.choice((1, 2, 4, 8, 100))
        some = self.random.choice((self.random.randbytes(count), bytes([self.random.choice(BYTES)]) * count))
        place = self.random.randrange(len(content) + 1)
        content[place:place] = some

    def duplicate(self, content: bytearray) -> None:
        """Repeat a piece, once or many times."""
        start, end = self.piece(content)
        content[end:end] = content[start:end] * self.random.choice((1, 1, 2, 50))

    def nest(self, content: bytearray) -> None:
        """Insert deeply nested text."""
        place = self.random.randrange(len(content) + 1)
        content[place:place] = self.random.choice((b"[", b'{"a":', b"(")) * self.random.choice((1, 100, 5000))

    def splice(self, content: bytearray) -> None:
        """Continue with the end of any sample."""
        other = self.random.choice(self.samples)
        content[self.random.randrange(len(content) + 1) :] = other[self.random.randrange(len(other)) :]

    def place(self, content: bytearray) -> int:
        """Return the position of a byte, in half of all cases among the first 64, where formats have their headers."""
        return self.random.randrange(self.random.choice((len(content), min(64, len(content)))))

    def piece(self, content: bytearray) -> tuple[int, int]:
        """Return the bounds of a piece, which may be empty."""
        start, end = sorted(self.random.randrange(len(content) + 1) for _ in range(2))
        return start, end
