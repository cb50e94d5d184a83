"""Record what this version stores: `python -m tests.stored` writes tests/stored/<version>/ again."""

import os
import sys

import pytest

from .recording import RECORD

if __name__ == "__main__":
    os.environ[RECORD] = "1"
    sys.exit(pytest.main(["-q", "tests/stored/test_recording.py"]))
