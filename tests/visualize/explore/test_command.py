"""The command prints its address, answers, and ends with Ctrl-C."""

import signal
import subprocess
import sys

import requests


def test_the_command_serves_until_ctrl_c():
    command = [sys.executable, "-m", "visualize.explore", "--no-browser"]
    with subprocess.Popen(
        [*command, "--max-images=10"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        address = process.stdout.readline().split()[2]
        assert address.startswith("http://127.0.0.1:")
        assert requests.get(f"{address}api/network", timeout=60).ok
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "Traceback" not in err and out == ""
