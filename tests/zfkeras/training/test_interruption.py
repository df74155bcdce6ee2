import os
import signal

import pytest

from zfkeras.training.interruption import Interruption

NUMBERS = [signal.SIGINT, signal.SIGTERM]


def send(number):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("first", NUMBERS)
@pytest.mark.parametrize("second", NUMBERS)
def test_the_first_signal_is_a_request_and_the_second_interrupts(first, second):
    with pytest.raises(KeyboardInterrupt), Interruption() as interruption:
        assert not interruption.requested
        send(first)
        assert interruption.requested
        send(second)


def test_the_handlers_from_before_come_back():
    before = [signal.getsignal(number) for number in NUMBERS]
    with pytest.raises(ZeroDivisionError), Interruption():
        assert [signal.getsignal(number) for number in NUMBERS] != before
        raise ZeroDivisionError
    assert [signal.getsignal(number) for number in NUMBERS] == before
