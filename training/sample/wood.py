"""Wood: grain that runs along one axis."""

import numpy as np
from training.sample.fields import Field, turbulence
from training.sample.palette import Linear
from training.sample.studio import Paint


def wood(paint: Linear, along: str = "x") -> Paint:
    """Grain that runs along one axis."""

    def grain(x: Field, y: Field, z: Field) -> Linear:
        a, b, c = {"x": (x, y, z), "y": (y, x, z), "z": (z, x, y)}[along]
        rings = turbulence(a * 0.7, b * 7, c * 7, 3.0)
        lines = np.sin((b + c) * 34 + rings * 5)
        return (paint * (0.86 + 0.10 * lines + 0.14 * rings)[:, None]).astype(np.float32)

    return grain
