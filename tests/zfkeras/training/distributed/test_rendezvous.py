import socket
import threading

import pytest

from tests.helpers.workers import free_ports
from zfkeras.errors import RunError, UsageError
from zfkeras.training.distributed.cluster import Cluster
from zfkeras.training.distributed.rendezvous import meet

SAME = {"seed": 1}


def met(requests, timeout_seconds=20.0, before=None):
    """How it ends for each worker that comes; a request of `None` stays away."""
    addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(len(requests)))
    ends = {}

    def come(index, request):
        try:
            ends[index] = meet(Cluster(addresses, index), request, timeout_seconds)
        except (UsageError, RunError) as err:
            ends[index] = err

    threads = [
        threading.Thread(target=come, args=(index, request), daemon=True)
        for index, request in enumerate(requests)
        if request is not None
    ]
    for thread in reversed(threads):  # the chief comes last
        thread.start()
    if before is not None:
        before(addresses)
    for thread in threads:
        thread.join(timeout_seconds + 20)
        assert not thread.is_alive()
    return addresses, ends


@pytest.mark.parametrize("count", [1, 2, 4])
def test_all_go_on_once_all_are_there_and_their_ports_are_free(count):
    addresses, ends = met([SAME] * count)
    assert ends == dict.fromkeys(range(count))
    for address in addresses:
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(("127.0.0.1", int(address.rpartition(":")[2])))


def test_who_does_not_come_is_named_to_those_who_came():
    addresses, ends = met([SAME, SAME, None], 2.0)
    for index in (0, 1):
        assert isinstance(ends[index], RunError | UsageError)
        message = str(ends[index])
        assert f"worker 2 ({addresses[2]}) did not join within 2 s" in message


def test_without_the_chief_the_others_give_up():
    addresses, ends = met([None, SAME], 1.0)
    assert isinstance(ends[1], RunError)
    assert f"the chief, worker 0 ({addresses[0]}), did not answer" in str(ends[1])


@pytest.mark.parametrize("other", [{"seed": 2}, {}, {"seed": 1, "epochs": 3}])
def test_workers_that_want_another_run_are_told_what_differs(other):
    addresses, ends = met([SAME, SAME, other])
    key = "epochs" if "epochs" in other else "seed"
    for index in range(3):
        assert isinstance(ends[index], UsageError)
        assert f"started alike, but {key} is" in str(ends[index])
        assert f"for worker 2 ({addresses[2]})" in str(ends[index])


@pytest.mark.parametrize("index", [0, 1])
def test_a_port_in_use_is_named(index):
    with socket.socket() as holder:
        holder.bind(("", 0))
        holder.listen()
        port = holder.getsockname()[1]
        addresses = ["127.0.0.1:1", "127.0.0.1:2"]
        addresses[index] = f"127.0.0.1:{port}"
        with pytest.raises(UsageError, match=f"port {port}, which TF_CONFIG gives to"):
            meet(Cluster(tuple(addresses), index), SAME, 1.0)
