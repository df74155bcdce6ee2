import os
import signal

import pytest

from zfkeras.training.interruption import Interruption

NUMBERS = [signal.SIGINT, signal.SIGTERM]


def send(number):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", NUMBERS)
def test_the_first_signal_is_a_request(number):
    with Interruption() as interruption:
        assert not interruption.requested
        send(number)
        assert interruption.requested


@pytest.mark.parametrize("first", NUMBERS)
@pytest.mark.parametrize("second", NUMBERS)
def test_the_second_signal_interrupts(first, second):
    with pytest.raises(KeyboardInterrupt), Interruption():
        send(first)
        send(second)


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_the_handlers_from_before_come_back(error):
    before = [signal.getsignal(number) for number in NUMBERS]
    try:
        with Interruption():
            assert [signal.getsignal(number) for number in NUMBERS] != before
            if error is not None:
                raise error
    except BaseException as err:
        assert type(err) is error
    assert [signal.getsignal(number) for number in NUMBERS] == before
