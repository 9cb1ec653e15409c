#!/usr/bin/env bash
# Has the programs there that two tests want beside Rust, as far as they can be had, and prints their names with commas:
# Chromium opens the report's page, Python with pip brings Dask. What is not there is said on standard error. A test
# whose program is listed in SYSTOLE_REQUIRE fails without it; else it says that it is left out.
set -uo pipefail

installed=()
if ! command -v chromium > /dev/null && [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    (apt-get update && apt-get install --yes --no-install-recommends chromium) > /dev/null 2>&1
fi
if command -v chromium > /dev/null; then installed+=(chromium); else echo "no chromium: its test is left out" >&2; fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
if python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2> /dev/null &&
    python3 -m pip download --quiet --no-deps --dest "$scratch" -r "$(dirname "$0")/requirements-dask.txt" > /dev/null 2>&1; then
    installed+=(dask)
else
    echo "no Python from 3.10 on with venv, or no PyPI: the test with Dask is left out" >&2
fi
(IFS=,; echo "${installed[*]}")
