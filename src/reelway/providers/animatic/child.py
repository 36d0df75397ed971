"""What a render's process runs. Light by itself: the decoders and encoders are loaded only in the child."""

import os
from pathlib import Path

from reelway.providers.animatic.output import Report
from reelway.providers.animatic.spec import RenderedVideo, RenderSpec

OUT_OF_MEMORY = 77
"""Exit code of a child that ran into its memory limit."""


def render_or_die(report: Report, spec: RenderSpec, folder: Path) -> RenderedVideo:
    """Render, and die of memory exhaustion rather than report it, for it is a crash to whoever waits."""
    import av
    import cv2

    from reelway.providers.animatic.engine import render

    try:
        return render(report, spec, folder)
    except (MemoryError, av.error.ExternalError):  # the latter is how x264 reports that it got no memory
        os._exit(OUT_OF_MEMORY)
    except cv2.error as exc:
        if exc.code == cv2.Error.StsNoMem:
            os._exit(OUT_OF_MEMORY)
        raise
