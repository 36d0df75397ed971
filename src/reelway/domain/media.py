"""What media is: the kinds that a caller may hand in, and how a video that we keep came about."""

from enum import StrEnum


class MediaKind(StrEnum):
    """What a file is to a model, whatever its format."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"


class DigitalSourceType(StrEnum):
    """How a video came about, in the terms of the IPTC, of which only some are a machine's work.

    Source: IPTC NewsCodes, digitalsourcetype (October 2024), whose definitions stand below in short.
    """

    TRAINED_ALGORITHMIC = "trainedAlgorithmicMedia"
    """Made by an AI model that was trained on captured content."""
    ALGORITHMIC = "algorithmicMedia"
    """Made purely by an algorithm, not based on any sampled training data."""
    COMPOSITE = "composite"
    """A mix of several elements, any of which may or may not be generative AI: somebody's picture, moved by us."""

    @property
    def uri(self) -> str:
        return f"http://cv.iptc.org/newscodes/digitalsourcetype/{self.value}"
