import dataclasses

from benchmarks.__main__ import main
from benchmarks.comparison import Comparison
from benchmarks.timing import Timing
from zfkeras.io.files import write_json


def measured(seconds):
    """A record of one comparison; the peer takes so many seconds, ours takes one."""
    times = {"ours": Timing(1, 1, 1), "peer": Timing(seconds, seconds, seconds)}
    result = Comparison("the same work", "ours", times, {"peer": 1.0})
    return {"results": [dataclasses.asdict(result)], "seconds": 120}


def test_markdown_writes_a_table_for_each_set_of_instructions(tmp_path, capsys):
    write_json(tmp_path / "AVX-512" / "training.json", measured(2))
    write_json(tmp_path / "AVX2" / "training.json", measured(0.5))
    assert main(["--markdown", "--workdir", str(tmp_path)]) == 0
    _, with_512, with_2 = capsys.readouterr().out.split("### ")
    assert with_512.startswith("AVX-512\n")
    assert "| 2 | 1 |" in with_512
    assert "Measured in 2 minutes." in with_512
    assert with_2.startswith("AVX2\n")
    assert "| **0.5** | 1 |" in with_2  # a peer that is faster is shown as such
