"""The benchmark: `python -m tests.bench` (`make bench`); figures as ratios within one run."""
