import pickle

import pytest

from zfkeras.cli.settings import ModelSettings
from zfkeras.data.register import open_source
from zfkeras.errors import UsageError
from zfkeras.passes.beam.job import Job, split_of


def test_a_job_loads_once_a_process(model_file):
    network = ModelSettings(model=str(model_file))
    job = Job(network, "shapes:16:40", "train", 8)
    classifier, split = job.load()
    assert split.num_examples == 40
    again, same = pickle.loads(pickle.dumps(job)).load()
    assert again is classifier and same is split
    _, other = Job(network, "shapes:16:40", "validation", 8).load()
    assert other.num_examples == 600


def test_all_is_every_split_in_a_row():
    source = open_source("shapes:16:40")
    assert split_of(source, "all").num_examples == 640
    with pytest.raises(UsageError, match="split must be one of"):
        split_of(source, "test")


def test_a_stretch_of_what_is_joined_is_a_part_of_it():
    whole = split_of(open_source("shapes:16:40"), "all")
    rows = [row["id"] for row in whole.stream().as_numpy_iterator()]
    part = whole.stretch(35, 45)
    assert [row["id"] for row in part.stream().as_numpy_iterator()] == rows[35:45]
    assert part.num_examples == 10
