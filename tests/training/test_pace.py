"""The length of chunks, with a clock that the test controls."""

from collections.abc import Callable
from itertools import pairwise

from cutedl_xp.training.pace import Pace


class Device:
    """A simulated device that takes some seconds for each step, and its clock."""

    def __init__(self, seconds: float) -> None:
        self.now, self.seconds, self.waited = 0.0, seconds, 0
        self._ended = 0.0

    def start(self, steps: int) -> Callable[[], None]:
        """Queue a chunk, and return a function that waits for its end."""
        self._ended = ended = max(self._ended, self.now) + steps * self.seconds

        def wait() -> None:
            self.waited += 1
            self.now = max(self.now, ended)

        return wait


def run(pace: Pace, device: Device, chunks: int, *, counts: bool = True) -> list[int]:
    lengths = []
    for _ in range(chunks):
        begun = pace.before_chunk()
        lengths.append(pace.length)
        pace.after_chunk(device.start(pace.length), pace.length, begun, counts=counts)
    return lengths


def test_chunks_grow_to_the_duration_aimed_at() -> None:
    device = Device(0.0005)
    lengths = run(Pace(0.1, clock=lambda: device.now), device, 10)
    assert lengths[0] == 1
    assert all(after <= 8 * before for before, after in pairwise(lengths))
    assert 190 <= lengths[-1] <= 200


def test_slow_steps_make_chunks_of_one() -> None:
    device = Device(3.0)
    assert run(Pace(0.1, clock=lambda: device.now), device, 5)[-1] == 1


def test_two_chunks_are_in_flight_at_most() -> None:
    device = Device(0.01)
    pace = Pace(0.1, clock=lambda: device.now)
    pace.length = 10
    for number in range(6):
        run(pace, device, 1)
        assert device.waited == max(0, number - 1)


def test_a_long_step_is_alone_in_flight() -> None:
    device = Device(1.0)
    pace = Pace(0.1, clock=lambda: device.now)
    for number in range(4):
        run(pace, device, 1)
        assert device.waited == number


def test_the_duration_of_a_compilation_does_not_count() -> None:
    device = Device(5.0)
    assert run(Pace(0.1, clock=lambda: device.now), device, 4, counts=False) == [1] * 4


def test_a_pause_is_not_part_of_a_duration() -> None:
    device = Device(0.001)
    pace = Pace(0.1, clock=lambda: device.now)
    assert run(pace, device, 8)[-1] == 100
    for _ in range(4):  # for example validations between epochs of three chunks
        pace.pause()
        device.now += 60.0
        assert all(length in (99, 100) for length in run(pace, device, 3))  # rounded


def test_epochs_of_one_chunk_reach_the_longest_chunks_as_well() -> None:
    device = Device(0.001)
    pace = Pace(0.1, clock=lambda: device.now)
    for _ in range(8):
        run(pace, device, 1)
        pace.pause()
    assert 80 <= pace.length <= 100  # the durations of late chunks are known as upper limits only


def test_a_short_chunk_at_the_end_of_an_epoch_does_not_shorten_the_next() -> None:
    device = Device(0.001)
    pace = Pace(0.1, clock=lambda: device.now)
    run(pace, device, 8)
    for _ in range(3):
        begun = pace.before_chunk()
        pace.after_chunk(device.start(2), 2, begun, counts=True)
        assert run(pace, device, 2)[-1] in (99, 100)  # rounded
