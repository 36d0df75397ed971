"""The addresses that the gateway gives out for results and uploaded files."""

from dataclasses import dataclass
from typing import Final

from reelway.domain.decide import US
from reelway.domain.media import MediaKind
from reelway.domain.records import StoredFile
from reelway.domain.task import Task
from reelway.net.signing import DurationClaim, Signer

MEDIA_PATH: Final = "/media"
FILES_PATH: Final = "/files"
HOOKS_PATH: Final = "/hooks/provider"
VIDEO_NAME: Final = "video.mp4"
WATERMARK_NAME: Final = "watermark.mp4"
POSTER_NAME: Final = "poster.jpg"


@dataclass(frozen=True, slots=True)
class SignedLinks:
    """Fulfils `dialects.base.Links`. The same task always gets the same address."""

    base_url: str
    signer: Signer

    def video_url(self, task: Task) -> str:
        return self.media_url(task, VIDEO_NAME)

    def watermark_url(self, task: Task) -> str:
        return self.media_url(task, WATERMARK_NAME)

    def media_url(self, task: Task, name: str) -> str:
        assert task.result_expires_at_us is not None
        token = self.signer.media_token(task.id, task.result_expires_at_us // US)
        return f"{self.base_url}{MEDIA_PATH}/{task.id}/{token}/{name}"

    def file_url(self, file: StoredFile) -> str:
        return f"{self.base_url}{FILES_PATH}/{file.id}/{self.signer.file_token(file.id)}"

    def duration_token(self, file: StoredFile) -> str | None:
        if file.kind is MediaKind.IMAGE or file.duration_s is None:
            return None
        return self.signer.duration_token(DurationClaim(file.duration_s, file.expires_at_us // US, file.id))
