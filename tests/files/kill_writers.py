"""Fork writers of one file, kill them at random moments and check the file; test_atomic_processes runs this."""

import os
import random
import signal
import sys
import time
from pathlib import Path

from cutedl_xp.files.atomic import write_atomically
from cutedl_xp.files.temporary import name_temporary

SIZE = 300_000


def write_for_ever(path, letter):
    while True:
        write_atomically(path, [letter * (SIZE // 3)] * 3)


def check(path):
    content = path.read_bytes()
    assert len(content) == SIZE, len(content)
    assert content == content[:1] * SIZE, "a mixture"


def main(path, rounds, writers):
    draw = random.Random(0)
    write_atomically(path, b"0" * SIZE)
    abandoned = 0
    for _ in range(rounds):
        children = []
        for letter in (b"a", b"b", b"c")[:writers]:
            child = os.fork()
            if not child:
                write_for_ever(path, letter)
            children.append(child)
        for child in children:
            time.sleep(draw.uniform(0.002, 0.02))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            check(path)
        left = {file.name for file in path.parent.iterdir()} - {path.name}
        assert left <= {name_temporary(path).name}, left
        abandoned += len(left)
    write_atomically(path, b"1" * SIZE)
    check(path)
    assert list(path.parent.iterdir()) == [path]
    sys.stdout.write(str(abandoned))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
