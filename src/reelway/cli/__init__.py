"""The command `reelway`."""
