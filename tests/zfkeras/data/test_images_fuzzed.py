"""Some hundreds of the campaign's images, and that the campaign would see a fault."""

import collections
import json

import numpy as np
import pytest

from tests.campaigns.fuzz_images import examine, main
from tests.helpers.failing_jobs import prepare
from tests.helpers.fuzz_harm import fuzzed
from tests.helpers.fuzz_seeds import KINDS, campaign_files
from tests.helpers.fuzz_structure import parts, sizes
from tests.helpers.watched_worker import WatchedWorker
from zfkeras.data.images import decode
from zfkeras.data.preprocessing import Preprocessing

PREPROCESSING = Preprocessing(np.zeros((64, 64, 3), np.float32), crop_size=56)


@pytest.fixture(scope="module")
def sound():
    return campaign_files(1, 96)


def test_what_is_harmed_is_sound_before(sound):
    assert {*sound} == {*KINDS}
    for kind, files in sound.items():
        for data in files:
            assert decode(data).mode == "RGB"
            assert b"".join(parts(kind, data)) == data
            assert len(parts(kind, data)) > 1


def test_the_same_number_is_the_same_file_and_another_is_another(sound):
    files = [fuzzed(number, 5, sound) for number in range(60)]
    assert files == [fuzzed(number, 5, sound) for number in range(60)]
    assert len({file.data for file in files}) > 50
    assert files != [fuzzed(number, 6, sound) for number in range(60)]


def test_sizes_lie_where_sizes_are(sound):
    png = sound["PNG"][0]
    at, form = sizes("PNG", png)[0]
    assert (at, form) == (16, ">I")
    assert int.from_bytes(png[16:20], "big") == decode(png).height  # it is turned


def test_fuzzed_images_are_read_or_bad_and_nothing_else(sound, tmp_path):
    outcomes = collections.defaultdict(collections.Counter)
    for number in range(300):
        image = fuzzed(number, 3, sound)
        path = tmp_path / f"image{image.ending}"
        path.write_bytes(image.data)
        outcomes[image.kind][examine(path, PREPROCESSING) is None] += 1
    assert {*outcomes} == {*KINDS}
    for kind, counts in outcomes.items():
        assert counts[True] and counts[False], kind


def test_the_campaign_counts_and_writes(tmp_path, capsys):
    arguments = ["--count", "20", "--no-heavy", "--keep", "--workdir", str(tmp_path)]
    assert main(arguments) == 0
    record = json.loads((tmp_path / "fuzz_images.json").read_text())
    rows = record["formats"].values()
    assert sum(row["tried"] for row in rows) == 20
    assert sum(row["decoded"] + row["refused"] for row in rows) == 20
    assert record["faults"] == {}
    assert "| JPEG |" in capsys.readouterr().out
    assert len([p for p in tmp_path.iterdir() if p.stem.isdigit()]) == 20


def test_the_worker_sees_every_way_to_fail(tmp_path):
    with WatchedWorker(prepare, tmp_path, megabytes=200, seconds=1) as worker:
        faults = {
            name: worker.do(name).fault
            for name in ("error", "crash", "exit", "spin", "fill", "say", "warn")
        }
        logged, printed = worker.do("log").fault, worker.do("print").fault
        grown, sound = worker.do("grow"), worker.do("value")
    assert faults["error"].startswith("IndexError at failing_jobs.py:")
    assert faults["crash"] == "died: SIGSEGV"
    assert faults["exit"] == "died: exit code 3"
    assert faults["spin"] == "hangs: over 1 s"
    assert faults["fill"].startswith("MemoryError")
    assert faults["say"] == "said: libsomething: odd"
    assert "UserWarning: odd" in faults["warn"]
    assert "odd" in logged and "odd" in printed
    assert grown.fault is None and 60 < grown.megabytes < 80
    assert (sound.value, sound.fault) == (42, None)


@pytest.mark.slow
def test_the_worker_sees_a_job_asleep(tmp_path):
    with WatchedWorker(prepare, tmp_path, megabytes=200, seconds=0.3) as worker:
        assert worker.do("sleep").fault == "hangs: over 0.3 s"
