"""Programs that send a create, wait for its end and keep the video: for the shell, Python, JavaScript, the OpenAI SDK.

What a visitor wrote only stands inside JSON or a literal of the language, so no prompt can become code.
"""

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote

from reelway.console.snippets.bodies import Call

KEY: Final = "YOUR_API_KEY"
"""What stands in the place of the reader's own key."""
_STEP: Final = "    "
_SDK_FIELDS: Final = ("model", "prompt", "seconds", "size", "input_reference")


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a dialect is asked for a task, and where its answers have what.

    `read` is the path with `{id}` and `{model}`. `id_at`, `status_at` and `url_at` are keys from the top; a number is
    a place in a list. `ended` and `good` are statuses. `result_at`: a text that is itself JSON, in which `url_at` is.
    `content`: the path of the video's bytes, which needs the key; None where the answer has their address.
    """

    read: str
    id_at: tuple[str | int, ...]
    status_at: tuple[str | int, ...]
    ended: tuple[str, ...]
    good: str
    url_at: tuple[str | int, ...] = ()
    result_at: tuple[str | int, ...] = ()
    content: str | None = None


PROTOCOLS: Final[Mapping[str, Protocol]] = {
    "rivya": Protocol(
        read="/api/v1/generations/{id}",
        id_at=("id",),
        status_at=("status",),
        ended=("succeeded", "failed"),
        good="succeeded",
        url_at=("result", "primary_url"),
    ),
    "apixo": Protocol(
        read="/api/v1/statusTask/{model}?taskId={id}",
        id_at=("data", "taskId"),
        status_at=("data", "state"),
        ended=("success", "failed"),
        good="success",
        result_at=("data", "resultJson"),
        url_at=("resultUrls", 0),
    ),
    "kling": Protocol(
        read="/kling/v1/videos/{model}/{id}",
        id_at=("data", "task_id"),
        status_at=("data", "task_status"),
        ended=("succeed", "failed"),
        good="succeed",
        url_at=("data", "task_result", "videos", 0, "url"),
    ),
    "openai_videos": Protocol(
        read="/v1/videos/{id}",
        id_at=("id",),
        status_at=("status",),
        ended=("completed", "failed"),
        good="completed",
        content="/v1/videos/{id}/content",
    ),
}


def programs(call: Call, base_url: str) -> dict[str, str]:
    """The call in each language, by its name."""
    protocol = PROTOCOLS[call.dialect]
    plain = json.loads(json.dumps(call.body))  # without the types of our own values, which no other program knows
    call = replace(call, path=quote(call.path), body=plain)
    found = {name: make(call, protocol, base_url) for name, make in _LANGUAGES.items()}
    if call.dialect == "openai_videos":
        found["sdk"] = _sdk(call, base_url)
    return found


def _paths(call: Call, protocol: Protocol, id_text: str) -> tuple[str, str | None]:
    """The paths of the read and of the content, with what stands for the task's id in the language."""
    model = call.path.rpartition("/")[2]
    read = protocol.read.replace("{model}", model).replace("{id}", id_text)
    return read, None if protocol.content is None else protocol.content.replace("{id}", id_text)


# --- the shell --------------------------------------------------------------------------------------------------------


def _curl(call: Call, protocol: Protocol, base_url: str) -> str:
    read, content = _paths(call, protocol, "$ID")
    id_key, status_key = protocol.id_at[-1], protocol.status_at[-1]
    create = shlex.quote(base_url + call.path)
    fetch = f'curl -sS "{base_url}{read}" -H "Authorization: Bearer $REELWAY_API_KEY"'
    ended = "|".join(protocol.ended)
    lines = [
        f"export REELWAY_API_KEY={KEY}",
        "",
        f"TASK=$(curl -sS {create} \\",
        '  -H "Authorization: Bearer $REELWAY_API_KEY" \\',
        "  -H 'Content-Type: application/json' \\",
        "  --data-binary @- <<'END_OF_BODY'",
        json.dumps(call.body, ensure_ascii=False, indent=2),
        "END_OF_BODY",
        ")",
        f'ID=$(printf \'%s\' "$TASK" | sed -n \'s/.*"{id_key}": *"\\([^"]*\\)".*/\\1/p\')',
        f'until [ -z "$ID" ] || printf \'%s\' "$TASK" | grep -Eq \'"{status_key}": *"({ended})"\'; do',
        "  sleep 2",
        f"  TASK=$({fetch})",
        "done",
        "printf '%s\\n' \"$TASK\"",
    ]
    if content is not None:
        lines.append(f'curl -sSf "{base_url}{content}" -H "Authorization: Bearer $REELWAY_API_KEY" -o video.mp4')
    else:
        lines.append(
            'curl -sSf -o video.mp4 "$(printf \'%s\' "$TASK" | grep -o \'https*://[^"\\\\]*/video\\.mp4\' | head -n 1)"'
        )
    return "\n".join(lines) + "\n"


# --- Python -----------------------------------------------------------------------------------------------------------


def _python(call: Call, protocol: Protocol, base_url: str) -> str:
    read, content = _paths(call, protocol, "{task_id}")
    status, ended = _index("task", protocol.status_at), _python_text(list(protocol.ended))
    lines = [
        "# pip install httpx",
        "import json",
        "import os",
        "import time",
        "",
        "import httpx",
        "",
        f'api_key = os.environ.get("REELWAY_API_KEY", {_python_text(KEY)})',
        f"body = {_python_text(call.body)}",
        "",
        "with httpx.Client(",
        f"    base_url={_python_text(base_url)},",
        '    headers={"Authorization": f"Bearer {api_key}"},',
        "    timeout=60,",
        ") as http:",
        f"    answer = http.post({_python_text(call.path)}, json=body)",
        "    task = answer.raise_for_status().json()",
        f"    task_id = {_index('task', protocol.id_at)}",
        "    while True:",
        f'        task = http.get(f"{read}").raise_for_status().json()',
        f"        if {status} in {ended}:",
        "            break",
        "        time.sleep(2)",  # of the program that is shown: not every API has a read that waits
        f"    if {status} != {_python_text(protocol.good)}:",
        "        raise SystemExit(json.dumps(task, indent=2))",
    ]
    if content is not None:
        lines.append(f'    video = http.get(f"{content}").raise_for_status().content')
    else:
        found = "task"
        if protocol.result_at:
            lines.append(f"    result = json.loads({_index('task', protocol.result_at)})")
            found = "result"
        lines.append(f"    video = httpx.get({_index(found, protocol.url_at)}, timeout=60).raise_for_status().content")
    lines += ['with open("video.mp4", "wb") as file:', "    file.write(video)"]
    return "\n".join(lines) + "\n"


def _python_text(value: Any, indent: str = "") -> str:
    """A literal, with each entry of an object or list on a line of its own."""
    deeper = f"{indent}    "
    match value:
        case {**entries} if entries:
            lines = [f"{deeper}{name!r}: {_python_text(inner, deeper)},\n" for name, inner in entries.items()]
            return "{\n" + "".join(lines) + indent + "}"
        case [{}, *_]:
            return "[\n" + "".join(f"{deeper}{_python_text(inner, deeper)},\n" for inner in value) + indent + "]"
        case _:
            return repr(value)


def _index(name: str, keys: tuple[str | int, ...]) -> str:
    """The same in Python and JavaScript."""
    return name + "".join(f"[{json.dumps(key)}]" for key in keys)


# --- JavaScript -------------------------------------------------------------------------------------------------------


def _javascript(call: Call, protocol: Protocol, base_url: str) -> str:
    read, content = _paths(call, protocol, "${id}")
    status = _index("task", protocol.status_at)
    found = "task"
    if protocol.result_at:
        found = f"JSON.parse({_index('task', protocol.result_at)})"
    video = f"fetch(`${{baseUrl}}{content}`, {{ headers }})" if content else f"fetch({_index(found, protocol.url_at)})"
    return "\n".join(
        (
            "// node video.mjs, with Node 18 or newer",
            'import { writeFile } from "node:fs/promises";',
            "",
            f"const baseUrl = {_js_text(base_url)};",
            f"const apiKey = process.env.REELWAY_API_KEY ?? {_js_text(KEY)};",
            'const headers = { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" };',
            f"const body = {_js_text(call.body)};",
            "",
            "async function json(path, options = {}) {",
            "  const answer = await fetch(baseUrl + path, { headers, ...options });",
            "  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);",
            "  return answer.json();",
            "}",
            "",
            f'let task = await json({_js_text(call.path)}, {{ method: "POST", body: JSON.stringify(body) }});',
            f"const id = {_index('task', protocol.id_at)};",
            f"while (!{_js_text(list(protocol.ended))}.includes({status})) {{",
            "  await new Promise((resolve) => setTimeout(resolve, 2000));",
            f"  task = await json(`{read}`);",
            "}",
            f"if ({status} !== {_js_text(protocol.good)}) throw new Error(JSON.stringify(task));",
            f"const video = await {video};",
            'await writeFile("video.mp4", Buffer.from(await video.arrayBuffer()));',
            "",
        )
    )


def _js_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


# --- the OpenAI SDK ---------------------------------------------------------------------------------------------------


def _sdk(call: Call, base_url: str) -> str:
    known = {name: value for name, value in call.body.items() if name in _SDK_FIELDS}
    extra = {name: value for name, value in call.body.items() if name not in _SDK_FIELDS}
    given = [f"    {name}={_python_text(value, _STEP)}," for name, value in known.items()]
    if extra:
        given.append(f"    extra_body={_python_text(extra, _STEP)},")
    return "\n".join(
        (
            "# pip install openai",
            "import os",
            "",
            "from openai import OpenAI",
            "",
            "client = OpenAI(",
            f"    base_url={_python_text(base_url + '/v1')},",
            f'    api_key=os.environ.get("REELWAY_API_KEY", {_python_text(KEY)}),',
            ")",
            "video = client.videos.create_and_poll(",
            *given,
            ")",
            'if video.status != "completed":',
            "    raise SystemExit(video.error)",
            'client.videos.download_content(video.id).write_to_file("video.mp4")',
            "",
        )
    )


_LANGUAGES: Final[Mapping[str, Callable[[Call, Protocol, str], str]]] = {
    "curl": _curl,
    "python": _python,
    "javascript": _javascript,
}
LANGUAGES: Final = (*_LANGUAGES, "sdk")
