"""The same training as three whole programs: the article's Adam run, 27 epochs with a validation after each.

Each program reads MNIST from the folder in the environment variable ``CUTEDL_XP_DATA``, or makes up data of that
shape. The last line of its output is JSON, which shows that all programs did the same work.
"""
