"""Files that a seeded mutator changed, some of them with a digest that fits: only ValueError, and little memory."""

import hashlib
import re

import numpy as np
import pytest

from cutedl_xp import Model
from cutedl_xp.layers import Dense, Dropout

resource = pytest.importorskip("resource")

TOKENS = [
    b"{", b"}", b"[", b"]" * 70, b"[" * 70, b'"', b"\\", b",", b":", b"null", b"-1", b"1e999", b"NaN", b"0", b"1.5",
    b"99999999999999999999", b"9223372036854775807", b"4" * 5000, b'"F64"', b'"BF16"', b'"shape"', b'"sha256"',
    b'\\"Dense\\"', b'\\"units\\": 1000000000', b"\xff\xfe", b"\xed\xa0\x80", b"\0" * 8,
]  # fmt: skip


def mutate(content, draw):
    changed = bytearray(content)
    for _ in range(int(draw.integers(1, 4))):
        place = int(draw.integers(len(changed) + 1))
        end = place + int(draw.integers(1, 12))
        match int(draw.integers(5)):
            case 0:
                changed[place:end] = draw.bytes(len(changed[place:end]))
            case 1:
                del changed[place:end]
            case 2:
                changed[place:place] = changed[max(0, place - 30) : end]
            case 3:
                changed[place:end] = TOKENS[int(draw.integers(len(TOKENS)))]
            case 4:  # another number in the place of one
                numbers = list(re.finditer(rb"\d+", changed))
                if numbers:
                    begin, end = numbers[int(draw.integers(len(numbers)))].span()
                    changed[begin:end] = b"%d" % (int(draw.integers(2**62)) >> int(draw.integers(62)))
    return bytes(changed)


def mend(content, size):
    """Give a file with a changed header the length and the digest that fit, as somebody who means harm does."""
    content = (len(content) - 8 - size).to_bytes(8, "little") + content[8:]
    digest = re.search(rb"[0-9a-f]{64}", content)
    if digest is None:
        return content
    blank = content[: digest.start()] + b"0" * 64 + content[digest.end() :]
    return blank.replace(b"0" * 64, hashlib.sha256(blank).hexdigest().encode(), 1)


@pytest.mark.parametrize("seed", [0, 1])
def test_mutated_files_are_refused_or_give_a_model(path, rounds, seed):
    model = Model([Dense(2, input_dim=3), Dropout(0.75), Dense(1)]).assemble("numpy", seed=0)
    model.save(path)
    content, draw = path.read_bytes(), np.random.default_rng(seed)
    size = model.parameters.flat.value.nbytes
    before, taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0
    with open(path, "r+b", buffering=0) as file:
        for number in range(50 * rounds):
            changed = mutate(content, draw)
            if number % 2:
                changed = mend(changed, size)
            file.seek(0)
            file.write(changed)
            file.truncate()
            try:
                assert isinstance(Model.load(path, backend="numpy"), Model)
                taken += 1
            except ValueError as error:
                assert str(error).startswith(f"{path} ")  # noqa: PT017
    assert taken > 0  # some harmless ones, mended
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000
