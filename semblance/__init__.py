"""Find the pictures that look like this one: the public names of Semblance, and nothing else.

The folders beside this file (in a checkout they are links to those of the repository) hold what the names stand for.
"""

__version__ = "0.2.0"
