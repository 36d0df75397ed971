"""What a user of LiteLLM writes; prints one JSON object of what it saw. Run by `test_litellm.py` as its own process.

python litellm_session.py BASE_URL KEY IMAGE VIDEO
"""

import json
import sys
import time

import litellm

base_url, key, image, target = sys.argv[1:]
where = {"api_base": base_url, "api_key": key}
seen: dict[str, object] = {}


def until(video_id: str) -> dict[str, object]:
    while True:
        video = litellm.video_status(video_id=video_id, **where)
        if video.status not in ("queued", "in_progress"):
            return video.model_dump()
        time.sleep(0.02)  # LiteLLM has no call that waits


first = litellm.video_generation(prompt="A bottle", model="openai/sora-2", seconds="8", size="1280x720", **where)
seen["first"] = first.model_dump()
seen["completed"] = until(first.id)
content = litellm.video_content(video_id=first.id, **where)
with open(target, "wb") as file:
    file.write(content)
with open(image, "rb") as file:
    with_file = litellm.video_generation(
        prompt="A bottle", model="openai/kling-3-0", input_reference=file, user="someone", **where
    )
seen["with_file"] = until(with_file.id)
seen["remix"] = litellm.video_remix(video_id=first.id, prompt="At night", **where).model_dump()
try:
    litellm.video_generation(prompt="A bottle", model="openai/sora-9", **where)
except litellm.exceptions.NotFoundError as error:
    seen["unknown_model"] = str(error)
print(json.dumps(seen))
