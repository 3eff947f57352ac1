"""A sample library drawn by code: some 1,200 pictures of twenty kinds of scene.

The project ships no pictures of anyone's, so that `semblance demo` has something to search the moment it is
installed. A kind is a folder's name and what a person would say the picture shows; within a kind, composition,
colours, light and number vary as photographs of such things do, and different kinds share skies and palettes. So
only what is shown tells them apart: of the ten nearest by 32 x 32 pixels, five are of the right kind.

    canvas   shapes with soft edges and rounded surfaces, in light rather than in pixels
    paint    colour, gradients, noise, a blurred background, and developing the film
    sky      skies, clouds, water, hills and trees: what settings share
    sunset, cat, car ...   a module a kind
    kinds    their list, and `draw`
    sample   writing the library to disk
    screens  taking the pictures of the page that README.md shows
"""

from .kinds import KINDS, draw
from .sample import write_sample

__all__ = ["KINDS", "draw", "write_sample"]
