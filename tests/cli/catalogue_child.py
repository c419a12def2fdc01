"""The command line with the encoder of the tests, for tests that need a process of its own.

python -m tests.cli.catalogue_child ARGUMENTS...
"""

import sys
import time

from lookalike.cli import main
from lookalike.cli.catalogue import opening
from tests.catalog.colours import ColourEncoder


class SlowEncoder(ColourEncoder):
    def encode_pixels(self, pixels):
        time.sleep(0.05)
        return super().encode_pixels(pixels)


if __name__ == "__main__":
    opening._load = lambda settings: SlowEncoder()
    main(sys.argv[1:])
