"""What the picture is about: figures made of outlines, and how they move."""
