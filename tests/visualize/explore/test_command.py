"""The command prints its address, answers, and ends with Ctrl-C."""

import signal

import requests

from tests.helpers.explorer_client import served
from visualize.explore.command import main


def test_a_file_holds_one_network(capsys):
    assert main(["--export", "page.html", "--beside", "quarter"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "leave out --beside" in line


def test_the_command_serves_until_ctrl_c():
    with served() as (process, address):
        assert address.startswith("http://127.0.0.1:")
        assert requests.get(f"{address}api/network", timeout=60).ok
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "Traceback" not in err and out == ""
