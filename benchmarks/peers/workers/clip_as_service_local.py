"""clip-as-service's own executor, with weights of this machine: it can only download what it knows by name.

Named in a flow's `py_modules`; the file of weights (OpenCLIP's names, by `torch.save`) is in CLIP_WEIGHTS.
`export SOURCE TARGET` makes that file of safetensors.
"""

import os
import sys

if __name__ == "__main__":
    import torch
    from safetensors.torch import load_file

    _, _, source, target = sys.argv
    torch.save(load_file(source), target)
else:
    import clip_server.model.openclip_model as models
    from clip_server.executors.clip_torch import CLIPEncoder

    models.download_model = lambda *_, **__: os.environ["CLIP_WEIGHTS"]

    class LocalCLIPEncoder(CLIPEncoder):
        """A class of its own, for a flow finds executors by their names."""
