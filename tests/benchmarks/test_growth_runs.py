import json

import pytest

from benchmarks import growth_runs


@pytest.mark.slow
@pytest.mark.parametrize("subject", growth_runs.SUBJECTS)
def test_runs_tell_their_memory_and_time(subject, capsys):
    # Previously the training failed, as images had become squares with windows.
    growth_runs.main(subject, "100")
    cost = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert cost["images"] == 100 and cost["processor_seconds"] > 0
    assert cost["peak_memory"] > 10**8
    if "Dask" in subject:
        assert cost["peak_memory_of_children"] > 10**8
