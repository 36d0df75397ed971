"""`reelway generate`: a prompt becomes a file, over HTTP, on any gateway."""

import asyncio
import os
from pathlib import Path
from typing import Annotated, Any, Final

import httpx
import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from reelway.cli.client import ApiError, RivyaClient
from reelway.cli.output import ExitCode, err, fail, out, print_json, print_table
from reelway.net.media import MediaFacts, MediaLimits, inspect

BASE_URL: Final = "http://127.0.0.1:8787"
MODEL: Final = "kling-v2-5-turbo-pro"


def generate(
    prompt: Annotated[str, typer.Argument(help="What the video shows.")],
    model: Annotated[str, typer.Option(help="Model id; see `reelway models list`.")] = MODEL,
    image: Annotated[
        list[Path] | None,
        typer.Option(help="Start frame; given twice, the second is the last frame.", exists=True, dir_okay=False),
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option(help="Model parameter KEY=VALUE, e.g. duration=10. May be given again.")
    ] = None,
    out_path: Annotated[Path, typer.Option("--out", "-o", help="Where the MP4 goes.")] = Path("video.mp4"),
    base_url: Annotated[str, typer.Option(envvar="REELWAY_BASE_URL", help="The gateway.")] = BASE_URL,
    api_key: Annotated[
        str, typer.Option(envvar="REELWAY_API_KEY", help="API key.", prompt="API key", hide_input=True)
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON; no progress bar.")] = False,
) -> None:
    """Send a prompt to a gateway, follow the task, and download the video."""
    params = _params(param or [])
    check_out(out_path)
    try:
        with RivyaClient(base_url, api_key) as client:
            generation = run_generation(client, model, prompt, params, image or [], out_path, is_quiet=as_json)
    except ApiError as exc:
        fail(str(exc))
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        fail(f"{base_url}: {exc}", ExitCode.UNAVAILABLE)
    facts = video_facts(out_path)
    if as_json:
        print_json({"generation": generation, "file": str(out_path), "facts": facts})
    else:
        print_facts(out_path, facts)


def check_out(path: Path) -> None:
    """End the command before anything is paid for, where the video could not be written."""
    folder = path.absolute().parent
    if path.is_dir() or not folder.is_dir():
        fail(f"--out {path}: {'is a folder' if path.is_dir() else f'there is no folder {folder}'}", ExitCode.USAGE)
    if not os.access(folder, os.W_OK):
        fail(f"--out {path}: the folder {folder} cannot be written to", ExitCode.USAGE)


def _params(pairs: list[str]) -> dict[str, Any]:
    """KEY=VALUE texts. Numbers stay texts where the model wants options; `cfg_scale` must be a number."""
    params: dict[str, Any] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not key:
            fail(f"--param {pair}: must be KEY=VALUE", ExitCode.USAGE)
        try:
            params[key] = float(value) if key == "cfg_scale" else value
        except ValueError:
            fail(f"--param {pair}: must be a number", ExitCode.USAGE)
    return params


def run_generation(
    client: RivyaClient,
    model: str,
    prompt: str,
    params: dict[str, Any],
    images: list[Path],
    out_path: Path,
    *,
    is_quiet: bool,
) -> dict[str, Any]:
    """Upload, create, follow, download; returns the generation as it ended.

    Raises:
        ApiError: the gateway refused, or the generation failed.
    """
    items = []
    for path in images:
        file = client.upload(path)
        items.append({"url": file["url"], "kind": "image", "name": file["name"], "mimeType": file["mime_type"]})
    if items:
        params = params | {"referenceMediaItems": items}
    created = client.create({"model": model, "prompt": prompt, "params": params})
    if not is_quiet:
        out.print(f"Task [bold]{created['id']}[/bold], {created['reserved_credits']} credits held.")
    generation = created
    columns = (TextColumn("{task.description:<10}"), BarColumn(40), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=err, disable=is_quiet) as bar:
        line = bar.add_task(created["status"], total=100)
        for look in client.follow(created["id"]):
            generation = look.generation
            bar.update(line, description=generation["status"], completed=look.percent)
    if generation["status"] != "succeeded":
        raise ApiError(f"the generation failed: {generation['error']['message']}")
    client.download(generation["result"]["primary_url"], out_path)
    return generation


def video_facts(path: Path) -> dict[str, Any]:
    """What the file itself says, found by decoding it."""
    facts = asyncio.run(inspect(path, MediaLimits()))
    if not isinstance(facts, MediaFacts):
        fail(f"{path}: the downloaded file is not a sound video: {facts}")
    return {
        "size_bytes": path.stat().st_size,
        "duration_s": facts.duration_s,
        "width": facts.width,
        "height": facts.height,
        "codec": facts.codec,
        "frames_per_second": facts.frames_per_second,
    }


def print_facts(path: Path, facts: dict[str, Any]) -> None:
    rows = [
        ("file", str(path)),
        ("size", f"{facts['size_bytes'] / 1e6:.2f} MB"),
        ("duration", f"{facts['duration_s']:.2f} s"),
        ("resolution", f"{facts['width']} x {facts['height']}"),
        ("codec", f"{facts['codec']}, {facts['frames_per_second']:g} frames a second"),
    ]
    print_table(("video", ""), rows)
