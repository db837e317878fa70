"""`python -P -m aiwire`: the console script without its script (-P: a folder `db` here must not be imported)."""

from aiwire.cli import main

main()
