"""Fetches the front-end files of the console, and axe-core for its tests, from pinned npm packages.

    python -m tools.console_assets

Needs `npm` (a wheel of the development lock brings it). What it writes is kept in the repository with the licences and
a list of checksums, so neither the gateway nor a build of it needs npm; `tests/console` compares the two.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
STATIC: Final = ROOT / "src" / "reelway" / "console" / "static" / "vendor"
TESTING: Final = ROOT / "tests" / "console" / "vendor"
SUMS_NAME: Final = "SHA256SUMS"


@dataclass(frozen=True, slots=True)
class Package:
    """One npm package. `sha512` is the digest of the packed archive; `files` maps its files to our names."""

    name: str
    version: str
    sha512: str
    files: Mapping[str, str]


PACKAGES: Final[Mapping[Path, tuple[Package, ...]]] = {
    STATIC: (
        Package(
            "htmx.org",
            "2.0.11",
            "4e1c7f5ada5e390a92aea042c3f0357301891a0e14ad56b7fac5b41a6accde9e"
            "202603bcf5e707e2ab5b9f2cc30d616f053aa39c83028042d336deb7e9db5a98",
            {"dist/htmx.min.js": "htmx.min.js", "LICENSE": "htmx.LICENSE"},
        ),
        Package(
            "htmx-ext-sse",
            "2.2.4",
            "2c99b1561ca4c9f9415a08793ef6d189d732baa3079607da8e69b3ba6bca72db"
            "fda6ebecb9f787e8e69e8d23194cd4e7108f0edb05d79f8659b4176910caa611",
            {"dist/sse.min.js": "htmx-sse.min.js", "LICENSE": "htmx-sse.LICENSE"},
        ),
        Package(
            "@fontsource/noto-naskh-arabic",
            "5.3.0",
            "4bf183810ea687f3caa389b3e7e7973586c46abbe923bca1e9e09d3b3f2d4d56"
            "de33bf8e52269c204b1c6981226ebffe7a00ed19b3b6641d34b23cb56c90b591",
            {
                "files/noto-naskh-arabic-arabic-400-normal.woff2": "noto-naskh-arabic-400.woff2",
                "files/noto-naskh-arabic-arabic-600-normal.woff2": "noto-naskh-arabic-600.woff2",
                "LICENSE": "noto-naskh-arabic.LICENSE",
            },
        ),
    ),
    TESTING: (
        Package(
            "axe-core",
            "4.14.1",
            "1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b73"
            "4f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5",
            {"axe.min.js": "axe.min.js", "LICENSE": "axe.LICENSE", "LICENSE-3RD-PARTY.txt": "axe.LICENSE-3RD-PARTY"},
        ),
    ),
}


def main() -> None:
    for folder, packages in PACKAGES.items():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for package in packages:
            _fetch(package, folder)
        (folder / SUMS_NAME).write_text(sums(folder))
        sys.stdout.write(f"{folder.relative_to(ROOT)}: {len(list(folder.iterdir())) - 1} files\n")


def sums(folder: Path) -> str:
    """One line a file, as `sha256sum` writes and checks it."""
    names = sorted(path.name for path in folder.iterdir() if path.name != SUMS_NAME)
    return "".join(f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names)


def _fetch(package: Package, folder: Path) -> None:
    """Raises: SystemExit: the registry gave another package than the pinned one."""
    with tempfile.TemporaryDirectory() as work:
        command = ["npm", "pack", f"{package.name}@{package.version}", "--silent", "--pack-destination", work]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(work).iterdir()
        digest = hashlib.sha512(archive.read_bytes()).hexdigest()
        if digest != package.sha512:
            sys.exit(f"{package.name}@{package.version} is not the pinned package: its SHA-512 is {digest}")
        with tarfile.open(archive) as packed:
            for source, target in package.files.items():
                file = packed.extractfile(f"package/{source}")
                assert file is not None, f"{package.name} has no {source}"
                (folder / target).write_bytes(file.read())


if __name__ == "__main__":
    main()
