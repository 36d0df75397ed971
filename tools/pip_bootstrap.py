"""Put pip into a virtual environment made without it.

Debian and Ubuntu split `ensurepip` off into the package python3-venv, so `python3 -m venv` fails on a machine that has
only python3. This script, run by the environment's own interpreter, fetches one pinned pip wheel from the package
index, checks its SHA-256 and lets that wheel install itself.

Source: PEP 503 (simple index); pip documentation, "Running pip from its wheel".
"""

import hashlib
import html
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

PIP_WHEEL = "pip-26.3-py3-none-any.whl"
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
TIMEOUT_S = 60


def find_wheel_url(index_url: str) -> str:
    """Address of the pinned wheel on the index; raises `SystemExit` where the index does not have it."""
    page_url = index_url.rstrip("/") + "/pip/"
    with urllib.request.urlopen(page_url, timeout=TIMEOUT_S) as answer:
        page = answer.read().decode()
    link = re.search(rf'href="([^"]*/{re.escape(PIP_WHEEL)})(?:#[^"]*)?"', page)
    if link is None:
        raise SystemExit(f"{page_url} has no {PIP_WHEEL}")
    return urllib.parse.urljoin(page_url, html.unescape(link[1]))


def main() -> None:
    index_url = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple")
    with urllib.request.urlopen(find_wheel_url(index_url), timeout=TIMEOUT_S) as answer:
        wheel = answer.read()
    found = hashlib.sha256(wheel).hexdigest()
    if found != PIP_SHA256:
        raise SystemExit(f"{PIP_WHEEL}: expected SHA-256 {PIP_SHA256}, got {found}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, PIP_WHEEL)
        path.write_bytes(wheel)
        subprocess.run([sys.executable, f"{path}/pip", "install", "--quiet", "--no-index", str(path)], check=True)


if __name__ == "__main__":
    main()
