"""Routes that other systems' clients call, so that Lookalike can take those systems' place.

Each module speaks one protocol: its bodies, its answers, its errors.
"""
