"""The same training as three whole programs: the article's Adam run, 27 epochs with a validation after each.

Each reads MNIST from the folder in the environment variable ``CUTEDL_XP_DATA``, or makes data of that shape up; and
each ends with one line of JSON, from which can be seen that they did the same.
"""
