"""Finds Debian's Chromium, or installs it."""

import functools
import os
import shutil
import subprocess

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_INSTALL_S = 600


@functools.cache
def chromium_path() -> str:
    """Where the browser is. CHROMIUM names one of your own. Raises: AssertionError: with the reason."""
    found = _found()
    if found is not None:
        return found
    reason = _installed()
    found = _found()
    assert found is not None, f"the console's tests need Chromium: {reason}"
    return found


def _found() -> str | None:
    given = os.environ.get("CHROMIUM")
    return given or next((path for name in _NAMES if (path := shutil.which(name))), None)


def _installed() -> str:
    """Try to install it; returns why that did not work."""
    if shutil.which("apt-get") is None:
        return "none was found, and there is no apt-get to install it with; set CHROMIUM to its path"
    if os.geteuid() != 0:
        return "none was found, and only root may install it: apt-get install chromium"
    for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]):
        done = subprocess.run(
            command,
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
            capture_output=True,
            text=True,
            timeout=_INSTALL_S,
            check=False,
        )
        if done.returncode != 0:
            return f"{' '.join(command)} failed: {done.stderr.strip()[-500:]}"
    return "apt-get installed it, but it is not on the PATH"
