import json
import math

import keras
import pytest

from zfkeras.training.config import OptimizerConfig, ScheduleConfig, TrainConfig
from zfkeras.training.schedule import Cosine, KerasSchedule, Plateau, make_schedule


def test_a_cosine_falls_from_the_first_rate_to_zero():
    schedule = Cosine(0.1, epochs=10)
    assert schedule.rate(0) == pytest.approx(0.1)
    assert schedule.rate(2.5) == pytest.approx(0.1 * (1 + math.sqrt(0.5)) / 2)
    assert schedule.rate(5) == pytest.approx(0.05)
    assert schedule.rate(10) == pytest.approx(0)
    assert schedule.rate(11) == pytest.approx(0)


def test_warm_up_rises_linearly_and_hands_over_without_a_jump():
    schedule = Cosine(0.1, epochs=10, warmup_epochs=2)
    assert schedule.rate(0.5) == pytest.approx(0.025)
    assert schedule.rate(1.999999) == pytest.approx(schedule.rate(2.0), abs=1e-6)
    assert schedule.rate(6) == pytest.approx(0.05)


def test_a_plateau_of_the_error_divides_the_rate():
    schedule = Plateau(0.01, factor=0.1, patience_epochs=2)
    rates = []
    for error in (0.9, 0.8, 0.85, 0.8, 0.7, 0.7, 0.7):
        schedule.observe(error)
        rates.append(schedule.rate(3))
    # 0.85 and 0.8 are no new lowest error; nor are the two last 0.7.
    assert rates == pytest.approx([0.01, 0.01, 0.01, 0.001, 0.001, 0.001, 0.0001])


def test_the_rate_stays_at_its_minimum():
    schedule = Plateau(0.01, factor=0.1, patience_epochs=1, minimum_rate=5e-4)
    for _ in range(5):
        schedule.observe(0.5)
    assert schedule.rate(9) == 5e-4


def test_a_plateau_remembers_how_long_it_has_waited():
    schedule = Plateau(0.01, patience_epochs=2)
    schedule.observe(0.5)
    schedule.observe(0.6)
    resumed = Plateau(0.01, patience_epochs=2)
    resumed.restore(json.loads(json.dumps(schedule.state())))
    resumed.observe(0.6)
    assert resumed.rate(3) == pytest.approx(0.001)


def test_a_keras_schedule_counts_steps():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([9], [0.1, 0.01])
    schedule = KerasSchedule(schedule, steps_per_epoch=5)
    # The loop asks in the middle of a step; the tenth step is the last at 0.1.
    places = [epoch + (step + 0.5) / 5 for epoch in (1, 2) for step in (3, 4)]
    rates = [schedule.rate(place) for place in places]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01])


def test_the_configuration_decides_the_kind():
    cosine = TrainConfig("x", schedule=ScheduleConfig("cosine"))
    plateau = TrainConfig("x", optimizer=OptimizerConfig(0.3))
    assert isinstance(make_schedule(cosine), Cosine)
    assert make_schedule(plateau).rate(1) == 0.3
