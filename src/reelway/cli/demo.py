"""`reelway demo`: a whole gateway for one video, with its own account, in a folder that is thrown away afterwards."""

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import httpx
import typer

from reelway.cli.client import ApiError, RivyaClient
from reelway.cli.generate import MODEL, check_out, print_facts, run_generation, video_facts
from reelway.cli.output import ExitCode, fail, out
from reelway.settings import ENV_PREFIX

_CREDITS: Final = 1_000
_STOP_S: Final = 30
_COMMAND: Final = (sys.executable, "-m", "reelway")


def demo(
    prompt: Annotated[str, typer.Option(help="What the video shows.")] = "A red fox walks through deep snow at dawn",
    model: Annotated[str, typer.Option(help="Model id.")] = MODEL,
    out_path: Annotated[Path, typer.Option("--out", "-o", help="Where the MP4 goes.")] = Path("demo.mp4"),
) -> None:
    """Start a gateway, make one video through its HTTP API, show the video's facts and the account's ledger, stop."""
    check_out(out_path)
    key = f"rw_sk_demo_{secrets.token_hex(16)}"
    with tempfile.TemporaryDirectory(prefix="reelway-demo-") as folder:
        with _gateway(Path(folder), key) as base_url:
            out.print(f"Gateway on {base_url} (SQLite, local folder, built-in engine).")
            try:
                with RivyaClient(base_url, key) as client:
                    run_generation(client, model, prompt, {}, [], out_path, is_quiet=False)
            except ApiError as exc:
                fail(str(exc))
            except httpx.HTTPError as exc:
                fail(f"{base_url}: {exc}", ExitCode.UNAVAILABLE)
        print_facts(out_path, video_facts(out_path))
        out.print()
        # Like the gateway, a process of its own: this one's environment and .env are not to take part.
        sys.stdout.flush()
        subprocess.run(  # noqa: S603 - our own interpreter and module
            [*_COMMAND, "credits", "ledger"], env=_environment(Path(folder)), cwd=folder, check=True
        )


@contextmanager
def _gateway(folder: Path, key: str) -> Iterator[str]:
    """A gateway in a process of its own, on a free port, with every setting at its default; gives its address."""
    environment = _environment(folder) | {
        f"{ENV_PREFIX}BOOTSTRAP_KEY": key,
        f"{ENV_PREFIX}BOOTSTRAP_CREDITS": str(_CREDITS),
    }
    with subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [*_COMMAND, "serve", "--port", "0", "--json"], env=environment, cwd=folder, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                fail("the gateway did not start; see its message above", ExitCode.UNAVAILABLE)
            yield json.loads(line)["url"]
        finally:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _environment(folder: Path) -> dict[str, str]:
    """Every setting at its default, and the data in `folder`."""
    plain = {name: value for name, value in os.environ.items() if not name.upper().startswith(ENV_PREFIX)}
    return plain | {f"{ENV_PREFIX}DATA_DIR": str(folder), f"{ENV_PREFIX}LOG_LEVEL": "warning"}
