"""From the bytes of a picture file to the pixels that an image tower takes.

What happens to a picture, in the order in which it happens, each step in a module of its own:

1. `files`: which format is it? Then, how large does its header say it is? Nothing is decoded yet.
   `jpeg`, `png`, `gif`, `webp`, `bmp`, `tiff` and `heif` each know one family of formats.
2. `preprocessor` checks the limits, then decodes, and turns whatever a decoder throws into our errors.
3. `appearance`: the picture as a person sees it: upright, over white, eight bits, grey or RGB.
4. `framing`: resized and cropped as the model card says, to the bit as OpenCLIP does it.
"""

from lookalike.encoder.images.preprocessor import ImageLimits, ImageMode, ImagePreprocessor

__all__ = ["ImageLimits", "ImageMode", "ImagePreprocessor"]
