import json

import pytest

from zfkeras.errors import UsageError
from zfkeras.training.distributed.cluster import Cluster, read_cluster


def config(cluster, kind="worker", index=0):
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


TWO = {"worker": ["a:1", "b:2"]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (config(TWO, index=1), Cluster(("a:1", "b:2"), 1)),
        (config(TWO, index="1"), Cluster(("a:1", "b:2"), 1)),
        (config({"chief": ["c:3"], **TWO}, "chief"), Cluster(("c:3", "a:1", "b:2"), 0)),
        (config({**TWO, "chief": ["c:3"]}, index=1), Cluster(("c:3", "a:1", "b:2"), 2)),
        (config({"worker": ["[::1]:80"]}), Cluster(("[::1]:80",), 0)),
    ],
)
def test_the_chief_stands_before_the_workers(text, expected, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    assert read_cluster() == expected


def test_no_tf_config_is_one_line_with_an_example(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(UsageError, match="needs the environment variable TF_CONFIG, s"):
        read_cluster()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON"),
        ("[]", "lacks its cluster's workers or its task"),
        ("{}", "lacks its cluster's workers or its task"),
        (json.dumps({"cluster": TWO}), "lacks its cluster's workers or its task"),
        (config(TWO, index="x"), "lacks its cluster's workers or its task"),
        (config(TWO, "chief"), "lacks its cluster's workers or its task"),
        (config({"worker": 3}), "lacks its cluster's workers or its task"),
        (config(TWO, index=2), "has no worker 2"),
        (config(TWO, index=-1), "has no worker -1"),
        (
            config({**TWO, "ps": ["c:3"]}),
            r"may name the jobs chief and worker, not \['ps'\]",
        ),
        (config({"worker": ["a"]}), "names 'a', which is no host:port"),
        (config({"worker": ["a:0"]}), "names 'a:0', which is no host:port"),
        (config({"worker": ["a:b"]}), "names 'a:b', which is no host:port"),
        (config({"worker": [5]}), "names 5, which is no host:port"),
        (config({"worker": ["a:1", "a:1"]}), "names an address twice"),
    ],
)
def test_a_wrong_tf_config_is_named_in_one_line(text, message, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UsageError, match=f"TF_CONFIG {message}") as caught:
        read_cluster()
    assert "\n" not in str(caught.value)
