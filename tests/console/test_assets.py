"""The front-end files are the pinned ones, and are served so that browsers keep them."""

import gzip
import re
from pathlib import Path

import pytest
from tools.console_assets import PACKAGES, SUMS_NAME, sums

from reelway.console import assets
from support.gateway import TestGateway

pytestmark = pytest.mark.anyio
STATIC = sorted(path for path in assets.FOLDER.rglob("*") if path.is_file())


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: folder.parent.name)
async def test_the_kept_files_are_those_of_the_list(folder: Path) -> None:
    assert sums(folder) == (folder / SUMS_NAME).read_text()


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: folder.parent.name)
async def test_every_package_comes_with_its_licence(folder: Path) -> None:
    for package in PACKAGES[folder]:
        assert any("LICENSE" in target for target in package.files.values()), package.name


async def test_own_styles_and_scripts_name_no_other_host() -> None:
    for path in STATIC:
        if path.suffix in (".css", ".js") and "vendor" not in path.parts:
            assert not re.search(r"https?://", path.read_text()), path.name


async def test_a_file_is_kept_for_ever_under_the_address_of_its_version(gateway: TestGateway) -> None:
    page = (await gateway.http.get("/console/sign-in")).text
    (address,) = re.findall(r'href="([^"]+tokens\.css)"', page)
    answer = await gateway.http.get(address, headers={"accept-encoding": "gzip"})
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.content == (assets.FOLDER / "css" / "tokens.css").read_bytes()
    plain = await gateway.http.get(address, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == answer.content
    old = await gateway.http.get(re.sub(r"static/\w+", "static/0123456789abcdef", address))
    assert old.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("name", ["../app.py", "css/../../app.py", "%2e%2e/app.py", "css", "", "vendor/SHA256SUMS"])
async def test_nothing_but_static_files_is_served_from_there(gateway: TestGateway, name: str) -> None:
    answer = await gateway.http.get(f"/console/static/0/{name}")
    assert answer.status_code == 404


async def test_packed_files_are_the_same_each_time() -> None:
    content = (assets.FOLDER / "css" / "base.css").read_bytes()
    assert gzip.compress(content, 9, mtime=0) == gzip.compress(content, 9, mtime=0)
    assert assets.Assets().version == assets.Assets().version
