#!/bin/sh
# Resolve the two lock files anew (runtime and dev), with the hashes of every platform's wheels.
# Needs uv (`pip install uv`); the locks themselves are installed with plain pip.
set -eu
cd "$(dirname "$0")/.."
compile() { uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header "$@"; }
compile pyproject.toml --group build --output-file requirements/runtime.lock
compile pyproject.toml --group dev --constraint requirements/runtime.lock --output-file requirements/dev.lock
