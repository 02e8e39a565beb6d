"""Speed compared with other libraries: ``python tests/benchmarks``, or ``nox -s bench``, which installs them."""
