import contextlib
import functools
import json
import logging
import os
import subprocess
import sys
import threading
import time

import numpy as np
import psutil
import pytest

pytest.importorskip("distributed", reason="needs the extra dask")

import dask
from distributed import Client

from tests.helpers import shard_tasks
from tests.helpers.clusters import local_cluster
from tests.helpers.shard_tasks import NAMES, PLAIN, open_noise, prepare_with
from zfkeras.cli.settings import EngineSettings
from zfkeras.data.files.bad_images import BadImages
from zfkeras.errors import RunError, UsageError
from zfkeras.passes.dask_engine import DaskEngine, make_engine
from zfkeras.passes.sharded import (
    Pass,
    ShardsMissing,
    read_shard,
    read_threads,
    shard_path,
    shards,
)

BATCH, SHARD = 2, 4
PLAN = shards(10, SHARD, BATCH)  # 0 to 3, 4 to 7, 8 and 9


@pytest.fixture(scope="module")
def network():
    return shard_tasks.tiny_network()


@pytest.fixture
def run(network, tmp_path):
    """Passes over ten images; returns arrays by name, and bad images."""

    def run(engine, prepare=shard_tasks.prepare, folder="pass", allowed=0.5):
        open_split = open_noise if engine is None else engine.open_split
        bad_images = BadImages(10, allowed)
        images = Pass(open_split(), PLAIN, BATCH, bad_images, engine=engine)
        paths = images.run(tmp_path / folder, NAMES, prepare, network, SHARD)
        assert [*(tmp_path / folder).glob("*.keras")] == []
        parts = [part for path in paths for part in read_shard(path, NAMES)]
        arrays = map(np.concatenate, zip(*parts, strict=True))
        return dict(zip(NAMES, arrays, strict=True)), [*bad_images.reasons()]

    return run


def shard_names(folder):
    # A worker that is killed leaves what it was writing; the next one removes that.
    return sorted(path.name for path in folder.iterdir() if path.name[0] != ".")


def paths_of(folder, plan):
    return [os.path.basename(shard_path(folder, shard)) for shard in plan]


def assert_same(found, expected):
    for name in ("answers", "positions"):
        np.testing.assert_array_equal(found[name], expected[name])


def test_shards_of_workers_are_those_of_this_process(run, dask_address, tmp_path):
    expected, _ = run(None, folder="alone")
    found, bad = run(DaskEngine(dask_address, None, open_noise))
    assert_same(found, expected)
    assert found["answers"].shape == (10, 3) and bad == []
    names = paths_of(tmp_path, PLAN)
    assert shard_names(tmp_path / "pass") == names == shard_names(tmp_path / "alone")
    threads = [read_threads((tmp_path / f).iterdir()) for f in ("alone", "pass")]
    assert threads[0] == threads[1] and len(threads[0]) == 1


def test_workers_compute_only_absent_shards(run, dask_address, tmp_path):
    run(None)
    missing = tmp_path / "pass" / paths_of(tmp_path, PLAN)[1]
    missing.unlink()
    others = {path: path.stat().st_mtime_ns for path in (tmp_path / "pass").iterdir()}
    run(DaskEngine(dask_address, None, open_noise))
    assert missing.exists()
    assert others == {path: path.stat().st_mtime_ns for path in others}


def test_too_many_bad_images_stop_workers_and_remove_shards(
    run, dask_address, tmp_path
):
    engine = DaskEngine(dask_address, None, shard_tasks.open_broken)
    with pytest.raises(RunError, match="10 of 10 images cannot be read") as caught:
        run(engine, allowed=0.9)
    assert not isinstance(caught.value, ShardsMissing)
    assert not (tmp_path / "pass").exists()


def test_what_the_network_is_to_blame_for_ends_the_pass(run, dask_address, tmp_path):
    blamed = functools.partial(prepare_with, act=shard_tasks.fail)
    with pytest.raises(RunError) as caught:
        run(DaskEngine(dask_address, None, open_noise), blamed)
    assert caught.value.argument == "network"
    assert not (tmp_path / "pass").exists()


def test_a_shard_that_fails_is_named_and_the_rest_goes_on(
    run, dask_address, tmp_path, caplog
):
    engine = DaskEngine(dask_address, None, open_noise)
    with pytest.raises(ShardsMissing, match="1 of 3 .*images 4 to 7 .*a disk has gone"):
        run(engine, functools.partial(prepare_with, act=shard_tasks.stumble))
    assert "images 4 to 7" in caplog.text
    kept = paths_of(tmp_path, [PLAN[0], PLAN[2]])
    assert shard_names(tmp_path / "pass") == kept
    assert_same(run(engine)[0], run(None, folder="alone")[0])


def test_a_scheduler_without_workers_is_waited_for_and_named(run, tmp_path, caplog):
    # Previously, the command waited for ever and said nothing.
    with local_cluster(processes=False, workers=0) as cluster:
        address = cluster.scheduler_address
        with pytest.raises(ShardsMissing) as caught:
            run(DaskEngine(address, None, open_noise, join_seconds=0.1))
        assert caught.value.argument == "--scheduler"
        assert address in caught.value.received
        assert [*(tmp_path / "pass").iterdir()] == []
        (said,) = (r.getMessage() for r in caplog.records if "zfkeras" in r.name)
        assert address in said

        def hear(record):  # what it says brings the workers that it waits for
            cluster.scale(1)
            return True

        log = logging.getLogger("zfkeras.passes.dask_engine")
        log.addFilter(hear)
        try:
            found, _ = run(DaskEngine(address, None, open_noise))
        finally:
            log.removeFilter(hear)
        assert found["positions"].tolist() == [*range(10)]


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        (EngineSettings(workers=2), "--workers"),
        (EngineSettings(scheduler="tcp://host:8786"), "--scheduler"),
        (EngineSettings(engine="dask", scheduler="tcp://a:1", workers=2), "--workers"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, wrong):
    with pytest.raises(UsageError) as caught:
        make_engine(settings, open_noise)
    assert caught.value.argument == wrong


def listening():
    """The addresses at which this process and its children wait for others."""
    found = set()
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        with contextlib.suppress(psutil.Error):  # it has just ended
            sockets = process.net_connections("inet")
            found |= {s.laddr for s in sockets if s.status == psutil.CONN_LISTEN}
    return found


@pytest.mark.slow
def test_processes_of_this_machine_share_its_cores_on_loopback(run, tmp_path):
    before, found_addresses = listening(), set()
    done = threading.Event()

    def look():
        while not done.wait(0.2):
            found_addresses.update(listening() - before)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        found, _ = run(DaskEngine(None, 2, open_noise))
    finally:
        done.set()
        watcher.join()
    processes, threads, memory_limits = found["process"].T
    assert os.getpid() not in processes
    share = max(1, len(os.sched_getaffinity(0)) // 2)
    assert {*threads} == {share} and {*memory_limits} == {0}
    assert read_threads((tmp_path / "pass").iterdir()) == [share]
    assert {address.ip for address in found_addresses} == {"127.0.0.1"}
    np.testing.assert_allclose(
        found["answers"], run(None, folder="alone")[0]["answers"], rtol=1e-5
    )


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_its_shard_alone(run, tmp_path):
    act = functools.partial(shard_tasks.die_once, marker=tmp_path / "died")
    with local_cluster(processes=True) as cluster:
        engine = DaskEngine(cluster.scheduler_address, None, open_noise)
        found, _ = run(engine, functools.partial(prepare_with, act=act))
    assert (tmp_path / "died").exists()
    assert found["positions"].tolist() == [*range(10)]


@pytest.mark.slow
def test_a_shard_that_kills_every_worker_is_named(run, tmp_path):
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        local_cluster(processes=True) as cluster,
    ):
        engine = DaskEngine(cluster.scheduler_address, None, open_noise)
        with pytest.raises(ShardsMissing, match="1 of 3 .*images 4 to 7 .*died"):
            run(engine, functools.partial(prepare_with, act=shard_tasks.die))
        kept = paths_of(tmp_path, [PLAN[0], PLAN[2]])
        assert shard_names(tmp_path / "pass") == kept
        assert run(engine)[0]["positions"].tolist() == [*range(10)]


@pytest.fixture
def cluster(request, tmp_path):
    """A scheduler and a worker as people start them: (address, scheduler's process).

    The worker runs what the test's parameter says first.
    """
    first = getattr(request, "param", "")
    file = tmp_path / "scheduler.json"
    program = "import sys\n{}\nfrom distributed.cli.{} import main\nmain(sys.argv[1:])"
    words = {
        "dask_scheduler": ["--host", "127.0.0.1", "--port", "0"],
        "dask_worker": ["--nthreads", "1", "--no-nanny"],
    }
    common = ["--no-dashboard", "--scheduler-file", str(file)]
    processes = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                program.format(first if "worker" in name else "", name),
                *more,
                *common,
            ],
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.getcwd()},
        )
        for name, more in words.items()
    ]
    try:
        assert wait_until(file.exists)
        yield json.loads(file.read_text())["address"], processes[0]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def wait_until(is_so):
    end = time.monotonic() + 60
    while not (found := is_so()) and time.monotonic() < end:
        time.sleep(0.1)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("how", ["kill", "terminate"])
def test_a_scheduler_that_goes_away_leaves_finished_shards(run, tmp_path, cluster, how):
    dask_address, scheduler = cluster
    first = tmp_path / "pass" / paths_of(tmp_path, PLAN)[0]
    act = functools.partial(shard_tasks.wait_for, marker=tmp_path / "never", at=8)

    def stop():
        if wait_until(first.exists):
            getattr(scheduler, how)()

    threading.Thread(target=stop).start()
    engine = DaskEngine(dask_address, None, open_noise)
    with pytest.raises(ShardsMissing, match="has gone away"):
        run(engine, functools.partial(prepare_with, act=act))
    assert first.exists()
    assert run(None)[0]["positions"].tolist() == [*range(10)]


@pytest.mark.slow
def test_a_scheduler_that_is_not_there_is_named(run):
    with pytest.raises(ShardsMissing) as caught:
        run(DaskEngine("tcp://127.0.0.1:1", None, open_noise))
    assert caught.value.argument == "--scheduler"
    assert caught.value.received == "tcp://127.0.0.1:1"


@pytest.mark.slow
@pytest.mark.parametrize("cluster", ["sys.modules['zfkeras'] = None"], indirect=True)
def test_workers_without_this_package_are_named(run, cluster, tmp_path):
    with Client(cluster[0], set_as_default=False) as client:
        client.wait_for_workers(1)
    with pytest.raises(ShardsMissing, match="zfkeras") as caught:
        run(DaskEngine(cluster[0], None, open_noise))
    assert caught.value.argument == "--scheduler"


@pytest.mark.slow
def test_a_program_without_a_guard_is_told_so(tmp_path):
    program = tmp_path / "program.py"
    words = ["--data=shapes:16:100", "--split=train", "--layers=1", "--engine=dask"]
    words += [f"--workdir={tmp_path / 'out'}", "--workers=1"]
    lines = "import sys", "from visualize import features"
    program.write_text("\n".join([*lines, f"sys.exit(features.main({words}))"]))
    done = subprocess.run(
        [sys.executable, str(program)],
        env=os.environ | {"PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "__name__ == '__main__'" in done.stderr.splitlines()[-1]
