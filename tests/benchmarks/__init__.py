"""Speed beside the peers: ``python tests/benchmarks``, or ``nox -s bench`` with all of them installed."""
