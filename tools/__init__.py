"""Programs for developers of Reelway; nothing here is part of the package."""
