"""Write the report: one self-contained page, a card for every adapter, and the pictures that the README shows.

    python -m stages.report

Reads what the other stages wrote (all of it is in dvc.yaml), computes no statistics of its own, and writes
reports/index.html, reports/cards/<adapter>/README.md and plots/figures/*.{svg,png}. Same inputs, same bytes.
"""

import argparse
from pathlib import Path

from distil.pipeline.command import run
from distil.pipeline.files import replacing_folder
from stages.report import recorded
from stages.report.answer import answer
from stages.report.cards import write_cards
from stages.report.claims import claims
from stages.report.inputs import RecordedRun, Run, load_run
from stages.report.lineage import environment_table, lineage_table
from stages.report.page import write_page
from stages.report.pictures import draw_pictures
from stages.report.questions import Questions, collect


def main() -> None:
    """Load the run, draw its pictures, write the page and the cards."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    run = load_run()
    questions = collect(run.problems, run.scored, run.level_scored, run.chains, run.main_folds, run.students)
    with replacing_folder("reports") as out, replacing_folder("plots/figures") as figures:
        write_report(out / "index.html", run, questions, figures)
        write_cards(out / "cards", run)


def write_report(path: Path, run: Run | RecordedRun, questions: Questions, figures: Path) -> None:
    """Draw the pictures into the folder `figures` and write the page that shows them to `path`."""
    pictures = draw_pictures(figures, run, questions)
    if isinstance(run, RecordedRun):
        top, found = recorded.answer(run, pictures), recorded.claims(run, pictures)
    else:
        top, found = answer(run, pictures), claims(run, pictures)
    write_page(
        path,
        questions,
        run.main_folds,
        profile=run.params.profile,
        answer=top,
        claims=found,
        lineage=lineage_table(run.params),
        environment=environment_table(),
        params=run.params_text,
    )


if __name__ == "__main__":
    run(main)
