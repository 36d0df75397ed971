"""The OpenAI Videos dialect, mounted at `/v1/videos`."""

from reelway.dialects.openai_videos.operations import OPENAI_VIDEOS

__all__ = ["OPENAI_VIDEOS"]
