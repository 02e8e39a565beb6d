"""Schedules from texts, and errors for invalid texts."""

import pytest

from cutedl_xp import schedules
from cutedl_xp.schedules import Schedule
from cutedl_xp.studies import schedule_text

MADE = {
    "constant": schedules.Constant(0.5),
    "cosine": schedules.Cosine(0.5, 100),
    "Cosine(updates=10, end=0.1)": schedules.Cosine(0.5, 10, end=0.1),
    "cosine(warmup=20)": schedules.Warmup(schedules.Cosine(0.5, 80), 20),
    "cosine(warmup=0)": schedules.Cosine(0.5, 100),
    "cosine_restarts(updates=10, growth=2)": schedules.CosineRestarts(0.5, 10, growth=2),
    "exponential(factor=0.5, every=10)": schedules.Exponential(0.5, 0.5, 10),
    "inverse_time(decay_steps=10)": schedules.InverseTime(0.5, 10.0),
    "one_cycle": schedules.OneCycle(0.5, 100),
    "polynomial(power=2)": schedules.Polynomial(0.5, 100, power=2.0),
    "step(every=30)": schedules.Step(0.5, 30),
}


@pytest.mark.parametrize("text", MADE)
def test_schedule_is_made_for_a_peak_and_a_number_of_updates(text: str) -> None:
    made: Schedule = schedule_text.make(text, 0.5, 100)
    assert made == MADE[text]
    assert schedule_text.make(schedule_text.canonical(text), 0.5, 100) == made


def test_every_schedule_with_a_peak_has_a_name() -> None:
    composed = {"Chain", "Piecewise", "Schedule", "Warmup"}
    assert {kind.__name__ for kind in schedule_text.SCHEDULES.values()} == set(schedules.__all__) - composed  # type: ignore[attr-defined]


REFUSED = {
    "linear": "a schedule must be one of constant, cosine, cosine_restarts, exponential, inverse_time, one_cycle, "
    "polynomial, step; got 'linear'",
    "step": "step: `every` must be given, as in step(every=10)",
    "inverse_time": "inverse_time: `decay_steps` must be given, as in inverse_time(decay_steps=10)",
    "inverse_time(half_life=3)": "inverse_time has no option `half_life`; its options are: decay_steps, warmup",
    "cosine(lr=1)": "cosine has no option `lr`; its options are: updates, end, warmup",
    "cosine(10)": "cosine accepts 0 options without a name; got 1 in 'cosine(10)': write the others as name=value",
    "step(every=1.5)": "step: `every` must be an integer; got 1.5 (float)",
    "step(every=0)": "step: `every` must be 1 or greater; got 0",
    "cosine(warmup=-1)": "cosine: `warmup` must be 0 or greater; got -1",
    "cosine(": "a schedule must be a name with options, such as 'cosine(warmup=100)'; got 'cosine('",
}


@pytest.mark.parametrize("text", REFUSED)
def test_refused_text_is_explained_in_one_sentence(text: str) -> None:
    for read in (schedule_text.canonical, lambda text: schedule_text.make(text, 0.5, 100)):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
            read(text)
        assert str(caught.value) == REFUSED[text]


def test_warm_up_must_be_shorter_than_the_training() -> None:
    assert schedule_text.canonical("cosine(warmup=100)") == "cosine(warmup=100)"
    with pytest.raises(
        ValueError, match=r"^cosine: `warmup` must be less than the 100 updates of the training; got 100$"
    ):
        schedule_text.make("cosine(warmup=100)", 0.5, 100)
