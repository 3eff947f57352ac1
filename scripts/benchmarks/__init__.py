"""The benchmarks of `semblance bench`: a module each, all of them a function of what was asked that gives rows.

Machines are noisy, so a figure is a ratio wherever it can be: both sides are measured in turns, medians of several.
"""
