"""Limits on a check in the grader's own process."""

import resource
import signal
import subprocess
import sys

import numpy as np
import pytest

from mnistkit.grading.autograde.check_limits import limited


@pytest.mark.slow
def test_a_check_that_takes_too_much_memory_is_ended_and_what_it_took_is_free_again():
    column = np.ones((1 << 14, 1))
    before = resource.getrlimit(resource.RLIMIT_DATA)
    for _ in range(3):  # what an attempt has allocated is not kept
        with pytest.raises(MemoryError, match="more than 268 MB of memory"), limited(1 << 28, 10):
            kept = [column == column.T for _ in range(2)]
            assert np.allclose(*kept)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_what_keeps_within_the_limits_is_left_alone():
    with limited(1 << 28, 10):
        assert np.ones(1 << 20).sum() == 1 << 20
    with pytest.raises(ValueError, match="mine"), limited(1 << 28, 10):
        raise ValueError("mine")
    assert signal.getsignal(signal.SIGPROF) is signal.SIG_DFL


@pytest.mark.parametrize("swallowed", [Exception, BaseException])
def test_a_check_that_takes_too_long_is_ended_whoever_swallows_the_stop(swallowed):
    with pytest.raises(TimeoutError, match="processor time"), limited(1 << 28, 0.05):
        try:
            while True:
                pass
        except swallowed:
            pass


def test_memory_that_the_machine_does_not_have_says_nothing_about_an_answer():
    code = (
        "import resource\n"
        "from mnistkit.grading.autograde.check_limits import limited\n"
        "from mnistkit.grading.sandbox.bwrap import SandboxFailure\n"
        "size = 1024 * int(next(l for l in open('/proc/self/status') if 'VmSize' in l).split()[1])\n"
        "resource.setrlimit(resource.RLIMIT_AS, (size + (1 << 27),) * 2)\n"
        "try:\n    with limited(1 << 28, 10):\n        bytearray(1 << 29)\n"
        "except SandboxFailure as error:\n    print('failure', error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("failure the grader's process")
