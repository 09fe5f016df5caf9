"""A finished run in Hugging Face's layout, and from here to the hub.

    python -m tools.bundle build [--without-data]   (make bundle)                    write exports/bundle
    python -m tools.bundle push USER/NAME           (make push-bundle TO=USER/NAME)  push it with the token in HF_TOKEN

exports/bundle/dataset is a data set of the verified chains, which `datasets.load_dataset` reads; exports/bundle/model
has the adapters of every seed as PEFT loads them, the metrics, the plots and the report. Each part has its card. Exams
without a licence that lets you pass them on are refused: with --without-data the adapters, metrics and plots alone are
written, and no text of a question or a chain. The report quotes questions of the second benchmark, so it is left out
unless that is the project's own sample, or transfer.licence says that it may be passed on. On the hub the two parts are
a data set and a model of the same name, to be seen by you alone unless --public is given.
"""

import argparse
from pathlib import Path

import jinja2

from distil.pipeline.command import run
from distil.pipeline.files import InputError, read_record, read_yaml, replacing_folder, write_text
from distil.pipeline.records import Manifest, Split
from tools.bundle import dataset, model
from tools.bundle.push import push
from tools.licences import withheld
from tools.output import refuse_foreign
from tools.results.__main__ import refuse_text

BUNDLE = Path("exports/bundle")


def main() -> None:
    """Build or push."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    built = commands.add_parser("build", help="write the bundle of the run in this folder")
    built.add_argument("--output", type=Path, default=BUNDLE, help="the folder to write (%(default)s)")
    built.add_argument("--without-data", action="store_true", help="no question, no chain, no report")
    pushed = commands.add_parser("push", help="send a bundle to the hub")
    pushed.add_argument("name", help="USER/NAME or ORGANISATION/NAME")
    pushed.add_argument("--bundle", type=Path, default=BUNDLE, help="the folder to send (%(default)s)")
    pushed.add_argument("--public", action="store_true", help="for everybody to see")
    args = parser.parse_args()
    if args.command == "build":
        build(args.output, args.without_data)
    else:
        push(args.bundle, args.name, args.public)


def build(output: Path, without_data: bool) -> None:
    """Write the bundle, whole or not at all.

    Raises InputError when no finished run is there, its exams may not be passed on and data are wanted, or `output`
    holds something else than a bundle.
    """
    refuse_foreign(output, "model/README.md")
    manifest = read_record("data/raw/manifest.json", Manifest)
    split = read_record("data/train_split/folds.json", Split)
    with replacing_folder(output) as folder:
        if not without_data:
            rows = dataset.write(folder / "dataset", manifest, split)
            print(f"{rows:,} verified chains -> {output / 'dataset'}")
        adapters = model.write(folder / "model", split)
        if without_data:
            refuse_text(folder / "model")
        else:
            copy_report(folder / "model")
        if not adapters:
            raise InputError("data/lora_seed has no adapter: `make repro` (or `make pull`) gives a finished run.")
    print(f"{adapters} adapters -> {output / 'model'}")


def copy_report(folder: Path) -> None:
    """Copy the run's report, where the questions of the second benchmark that it quotes may be passed on.

    The report shows params.yaml, so the bundle's has the parameters that the bundle has. Raises InputError where it is
    another run's.
    """
    report = Path("reports/index.html")
    if not report.exists():
        return
    if why := withheld(read_yaml("params.yaml", "Run from the repository's root.")["transfer"]):
        print(f"the report is left out: it quotes {why}")
        return
    page, escaped = report.read_text("utf-8"), jinja2.Template("{{ text }}", autoescape=True)
    shown, passed_on = (
        escaped.render(text=path.read_text("utf-8")) for path in (Path("params.yaml"), folder / model.PARAMS)
    )
    if page.count(shown) != 1:
        raise InputError(f"{report} does not show params.yaml as it is now: `dvc repro report` writes it anew.")
    write_text(folder / "report.html", page.replace(shown, passed_on))


if __name__ == "__main__":
    run(main)
