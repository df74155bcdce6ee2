"""A few tries of each campaign; the campaigns themselves make hundreds."""

import os

import pytest

from tests.campaigns import concurrency, corruption, full_disk, kill
from tests.campaigns.kinds import KINDS

# A network is loaded in a tenth of a second, everything else at once.
_SLOW_TO_READ = {"network (.keras)": 6}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_damage_is_noticed_named_and_never_read(kind, tmp_path):
    tries = _SLOW_TO_READ.get(kind.name, 60)
    row = corruption.damage_often(kind, tmp_path / "files", tries, seed=1)
    assert row["lost"] == []
    assert row["detected"] >= tries / 3


def test_a_reader_that_does_not_look_is_found_out(tmp_path):
    import dataclasses

    kind = next(kind for kind in KINDS if kind.name == "mean image")
    careless = dataclasses.replace(kind, read=lambda path: path.read_bytes())
    row = corruption.damage_often(careless, tmp_path / "files", 30)
    assert len(row["lost"]) >= 20


@pytest.mark.slow
@pytest.mark.parametrize("campaign", [kill, concurrency])
@pytest.mark.parametrize("job", ["zfkeras.train", "transfer.caltech"])
def test_kills_and_pairs_lose_nothing(campaign, job, tmp_path):
    words = ["--tries", "2", "--only", job, "--workdir", str(tmp_path)]
    assert campaign.main(words) == 0


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount small disks")
@pytest.mark.parametrize("job", ["zfkeras.train", "visualize.features"])
def test_full_disks_lose_nothing(job, tmp_path):
    words = ["--tries", "2", "--only", job, "--workdir", str(tmp_path)]
    assert full_disk.main(words) == 0
