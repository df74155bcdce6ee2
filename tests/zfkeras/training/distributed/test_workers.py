"""What workers tell each other, with the exchange itself stood in for."""

import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from zfkeras.data.files.bad_images import BadImages
from zfkeras.training.distributed.slow_input import SlowInput
from zfkeras.training.distributed.workers import Workers
from zfkeras.training.network import Network
from zfkeras.training.schedule import Plateau
from zfkeras.training.workdir.folder import Workdir
from zfkeras.training.workdir.progress import Progress
from zfkeras.training.workdir.record import Record


def tally(first, end):
    bad_images = BadImages(10_000, 1.0)
    for number in range(first, end):
        bad_images.add(f"{number:05}.jpg", "truncated")
    return bad_images


def test_workers_tell_each_other_of_more_bad_images_than_results_name():
    # Previously of a thousand at most, and the limit of each was another.
    own, other = tally(0, 1800), tally(1800, 3500)
    workers = Workers(tf.distribute.get_strategy())
    workers.alone = False
    told = []

    def exchange(message):
        told.append(message["bad"])
        return [message, {"stop": False, "bad": other.reasons()}]

    workers.exchange = exchange
    assert workers.agree(False, own) is False
    assert own.count == 3500
    own.add("late.jpg", "empty file")
    workers.agree(False, own)
    assert [len(news) for news in told] == [1800, 1]


@pytest.mark.parametrize(
    ("waits", "named"),
    [((0.5, 6.0, 0.2), "worker 1"), ((4.0, 4.5, 0.2), None), ((3.0, 0, 0), "worker 0")],
)
def test_a_worker_whose_images_come_slowly_is_named_once(waits, named, caplog):
    workers = Workers(tf.distribute.get_strategy())
    workers.alone = False
    workers.gather = lambda number: np.array([number, *waits[1:]])
    slow_input = SlowInput(workers, Progress(seconds=100, input_seconds=50))
    for turn in (1, 2):
        progress = Progress(seconds=100 + 10 * turn, input_seconds=50 + waits[0] * turn)
        slow_input.look(progress)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == (named is not None)
    assert all(
        named in line and f"{max(waits):g} of the last 10 s" in line for line in said
    )


def test_a_worker_says_that_it_waits_for_others(caplog):
    workers = Workers(tf.distribute.get_strategy())
    workers.alone, workers.patient_seconds = False, 0.01
    with workers.waiting("step 7"):
        end = time.monotonic() + 10
        while not caplog.records and time.monotonic() < end:
            time.sleep(0.01)
    (line,) = caplog.messages
    assert line.startswith("step 7 has taken 0.01 s")
    workers.patient_seconds = 60
    with workers.waiting("step 8"):
        pass
    assert len(caplog.messages) == 1


def test_a_run_that_is_taken_up_knows_all_its_bad_images(tmp_path):
    # Previously a thousand of them, so that it outlived its limit.
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    strategy = tf.distribute.get_strategy()
    network = Network(model, keras.optimizers.SGD(), None, strategy, None)
    (tmp_path / "checkpoints").mkdir()
    record = Record(Workdir(tmp_path), network, Workers(strategy))
    met, schedule = tally(0, 2500), Plateau(0.01, patience_epochs=1)
    record.save(Progress(), schedule, met)
    found = BadImages(10_000, 1.0)
    record.resume(schedule, found)
    assert found.reasons() == met.reasons()
