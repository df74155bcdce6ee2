import pickle

import numpy as np
import pytest

from zfkeras.data.register import open_source
from zfkeras.errors import UsageError
from zfkeras.passes.beam.job import Job, Shard, shards, split_of


@pytest.mark.parametrize("number", [1, 7, 8, 63, 64, 65, 71, 72, 1000])
@pytest.mark.parametrize(("shard_size", "batch_size"), [(1, 8), (16, 8), (60, 8)])
def test_shards_are_whole_batches_that_cover_the_split(number, shard_size, batch_size):
    plan = shards(number, shard_size, batch_size)
    places = [place for shard in plan for place in range(shard.first, shard.end)]
    assert places == [*range(number)]
    assert all(shard.first % batch_size == 0 for shard in plan)
    assert all((s.end - s.first) % batch_size == 0 for s in plan[:-1])
    assert all(s.end - s.first >= shard_size for s in plan[:-1])
    # A batch that is padded or traced anew would round otherwise.
    assert plan[-1].end - plan[-1].first >= min(batch_size, number)


def test_a_job_loads_once_a_process(model_file):
    job = Job(str(model_file), "shapes:16:40", "train", 8)
    classifier, split = job.load()
    assert split.num_examples == 40
    again, same = pickle.loads(pickle.dumps(job)).load()
    assert again is classifier and same is split
    _, other = Job(str(model_file), "shapes:16:40", "validation", 8).load()
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
    shard = Shard(35, 45)
    assert np.array_equal(part.num_examples, shard.end - shard.first)
