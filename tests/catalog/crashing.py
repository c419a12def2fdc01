"""For the child of test_engine.py: end by SIGKILL when an index build comes to a given phase."""

import os
import signal

import pytest
from test_engine import act_at


def crash_at(phase: str) -> None:
    act_at(phase, pytest.MonkeyPatch(), lambda: os.kill(os.getpid(), signal.SIGKILL))
