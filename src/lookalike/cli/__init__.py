"""The command line: thin commands over the encoder and the catalogue."""

import logging
import sys
import warnings
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 for success, 1 for failure, 2 for wrong usage, 130 for Ctrl-C."""
    # Imported here, so that importing a part of this package brings no other.
    from lookalike.cli.app import build
    from lookalike.cli.console import show_error
    from lookalike.errors import LookalikeError

    # Damaged pictures make Pillow warn and log; what is wrong with them is in our errors.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        build(arguments)(args=arguments, prog_name="lookalike")
    except (LookalikeError, OSError) as error:
        show_error(error)
        sys.exit(1)
