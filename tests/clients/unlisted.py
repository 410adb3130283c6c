"""`unlisted.py PART…`: prints the tests of this folder that are in none of these parts (a module, a class or a test of one); status 1 if there are any."""

import os
import sys
import unittest


def main(parts):
    found = unittest.defaultTestLoader.discover(os.path.dirname(os.path.abspath(__file__)))
    left = sorted({test for test in names(found) if not any(test == part or test.startswith(f"{part}.") for part in parts)})
    if left:
        sys.exit("no part of tests/run.sh runs these:\n" + "\n".join(left))


def names(tests):
    for test in tests:
        if isinstance(test, unittest.TestSuite):
            yield from names(test)
        else:
            # Some have an `id` of their own.
            yield unittest.TestCase.id(test)


if __name__ == "__main__":
    main(sys.argv[1:])
