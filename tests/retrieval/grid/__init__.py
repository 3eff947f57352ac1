"""A grid of small pictures, format x depth x colours x alpha x compression x turn x profile, read by Semblance and by
decoders that have nothing to do with it: Chromium for what browsers show, ImageMagick for the rest.

Each is made anew by writers that are not Semblance's (tifffile, Pillow, imagecodecs, bytes put together here), and says
what its pixels are wherever that is known. `python -m tests.retrieval.grid` prints what came of each.
"""
