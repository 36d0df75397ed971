"""`python -m reelway` is the command `reelway`."""

from reelway.cli.main import run

if __name__ == "__main__":
    run()
