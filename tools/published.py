"""A committed run for others to pull without an account. Its owner packs it, and any web server can serve it.

    python -m tools.published pack              (make publish)  site/ with the report and a DVC remote, and site.tar.gz
    python -m tools.published pull [--url URL]  (make pull)     what dvc.lock names, from the default remote or from URL

Without --url and without a default remote, `pull` looks where .github/workflows/publish.yml puts it: on the GitHub
Pages of the repository that `origin` names. An address that the run came from is kept as the remote `published`, which
becomes the default where there is none. Exams, chains and benchmarks without a licence that lets you pass them on are
not packed.
"""

import argparse
import gzip
import http.client
import re
import shutil
import subprocess
import sys
import tarfile
import urllib.request
from pathlib import Path

from distil.pipeline.command import run
from distil.pipeline.files import InputError, read_jsonl, read_record, read_yaml, replacing
from distil.pipeline.records import Manifest, VerifiedChain
from tools.git import git
from tools.licences import licence_of, withheld
from tools.repro.lock import locked

SITE = Path("site")
REMOTE = "published"
TRIED = "tried"
"""The remote for the time of a pull from an address that may be wrong."""
REPORT = Path("reports/index.html")


def main() -> None:
    """Pack or pull."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("pack", help="make site/ and site.tar.gz of the run in dvc.lock")
    commands.add_parser("pull", help="fetch the run in dvc.lock").add_argument("--url", help="where it is served")
    args = parser.parse_args()
    if args.command == "pack":
        pack()
    else:
        pull(args.url)


def pack() -> None:
    """Write the outputs in dvc.lock to site/dvc, the report to site/index.html, and both to site.tar.gz.

    Raises InputError when an output is neither in the workspace nor in DVC's cache, or may not be passed on, and where
    site/ holds something else.
    """
    refuse_unlicensed()
    there = {path.name for path in SITE.iterdir()} if SITE.is_dir() else {SITE.name} if SITE.exists() else set()
    if SITE.is_symlink() or there - {"dvc", "index.html"} or there == {"index.html"}:
        raise InputError(f"{SITE}/ holds files that this command does not write: put them elsewhere, or remove them.")
    shutil.rmtree(SITE, ignore_errors=True)
    folder = SITE / "dvc"
    folder.mkdir(parents=True)
    dvc("remote", "add", "--quiet", "--local", "--force", "packed", str(folder.resolve()))
    try:
        command = [sys.executable, "-m", "dvc", "push", "--remote", "packed"]
        pushed = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        if pushed.returncode or "Missing cache files" in pushed.stderr:  # DVC only warns of these
            sys.stderr.write(pushed.stderr)
            raise InputError(
                "Not everything that dvc.lock names is here. `make repro` makes it, or `make pull` fetches it."
            )
    finally:
        dvc("remote", "remove", "--quiet", "--local", "packed")
    if REPORT.exists():
        shutil.copyfile(REPORT, SITE / "index.html")
    with (
        replacing("site.tar.gz", "wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for path in sorted(SITE.rglob("*")):
            archive.add(path, recursive=False, filter=_undated)
    print("site.tar.gz: attach it to a release (docs/data-versions.md), or serve site/ with any web server.")


def refuse_unlicensed() -> None:
    """Raise InputError where a question or a chain of the run may not be passed on."""
    otherwise = "A remote of your group's own (docs/data-versions.md) shares the run without publishing it."
    verified = read_jsonl("data/verified/accepted.jsonl", VerifiedChain)
    manifest = read_record("data/raw/manifest.json", Manifest)
    licence_of(manifest, any(row.chain.role == "replay" for row in verified), otherwise)
    if why := withheld(read_yaml("params.yaml", "Run from the repository's root.")["transfer"]):
        raise InputError(f"the run has {why} {otherwise}")


def _undated(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """The entry without the fields that differ from machine to machine."""
    entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = 0, 0, 0, "", ""
    entry.mode = 0o755 if entry.isdir() else 0o644
    return entry


def pull(url: str | None) -> None:
    """Fetch every output into the workspace. Raises InputError without an address, or where DVC did not pull them."""
    default = configured()
    if default and not url:
        failed = dvc("pull", check=False)
    else:
        url = url or pages(git(Path(), "remote", "get-url", "origin"))
        if fault := unreachable(url):
            raise InputError(
                f"{shown(url)} does not have the run in dvc.lock ({fault}). It was not published, or another revision "
                "was (docs/data-versions.md). `make repro` makes the run here instead."
            )
        dvc("remote", "add", "--quiet", "--local", "--force", TRIED, url)
        try:
            failed = dvc("pull", "--remote", TRIED, check=False)
        finally:
            dvc("remote", "remove", "--quiet", "--local", TRIED)
        if not failed:
            dvc("remote", "add", "--quiet", "--local", "--force", *["--default"] * (not default), REMOTE, url)
    if failed:
        raise InputError(
            f"not everything was pulled from {shown(url) if url else 'the default remote'}; DVC says above why. Where "
            "it would not remove files that you changed, put them elsewhere and pull again. Where files are missing, "
            "another revision was published, or none (docs/data-versions.md): `make repro` makes the run here instead."
        )


def unreachable(url: str) -> str:
    """Why a folder or a web server cannot give the run, or '' if it probably can.

    Of a web server one folder in dvc.lock is requested to find out. DVC itself requests each file several times, which
    takes minutes where nothing answers, and lists every hash.
    """
    stages = locked().values()
    outs = (out for stage in stages for out in stage.get("outs", []) if out["path"].startswith("data/"))
    md5 = next((out["md5"] for out in outs if out["md5"].endswith(".dir")), None)
    if "://" not in url:
        return "" if Path(url).is_dir() else "there is no such folder"
    if not url.startswith("http") or md5 is None:
        return ""
    asked = urllib.request.Request(f"{url.rstrip('/')}/files/md5/{md5[:2]}/{md5[2:]}", method="HEAD")
    try:
        with urllib.request.urlopen(asked, timeout=30):
            return ""
    except OSError as error:  # urllib's own errors are OSErrors
        return str(getattr(error, "reason", error))
    except (http.client.HTTPException, ValueError) as error:
        return type(error).__name__  # its text may hold a password from the address


def shown(address: str) -> str:
    """An address without the user and password in it."""
    return re.sub(r"://[^/]*@", "://", address)


def configured() -> bool:
    """Whether DVC has a default remote."""
    asked = subprocess.run([sys.executable, "-m", "dvc", "config", "core.remote"], capture_output=True, text=True)
    return bool(asked.stdout.strip())


def pages(origin: str) -> str:
    """The address at which GitHub Pages serves the run of the repository at `origin`. Raises InputError for others."""
    found = re.search(r"github\.com[:/]([\w.-]+)/([\w.-]+?)(\.git)?/?$", origin.strip())
    if not found:
        raise InputError(
            f"No default remote is configured, and {shown(origin.strip())} is no repository on GitHub. Say where the "
            "run is: make pull URL=https://..."
        )
    return f"https://{found[1].lower()}.github.io/{found[2]}/dvc"


def dvc(*command: str, check: bool = True) -> int:
    """Run DVC and return its exit status. Raises InputError when it fails and `check` is set."""
    status = subprocess.run([sys.executable, "-m", "dvc", *command]).returncode
    if check and status:
        raise InputError(f"`dvc {' '.join(map(shown, command))}` failed.")
    return status


if __name__ == "__main__":
    run(main)
