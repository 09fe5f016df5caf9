from io import BytesIO
from pathlib import Path

import pytest
from fpdf import FPDF

from distil.exams.files import describe, open_pdf, problem_id, year_and_section
from distil.pipeline.files import InputError


@pytest.mark.parametrize(
    ("name", "year", "section"),
    [
        ("2019 junior_senior_test.pdf", 2019, "junior_senior_test"),
        ("2011-two_person_speed_event.pdf", 2011, "two_person_speed_event"),
        ("2012 FS.pdf", 2012, "freshman_sophomore_test"),
        ("2012 JS.pdf", 2012, "junior_senior_test"),
        ("2019 JS (Typst).pdf", 2019, "junior_senior_test"),
        ("2019 Fresh-Soph and Jr-Sr.pdf", 2019, "fresh_soph_and_jr_sr"),
        ("2015 FR-SO Exam.pdf", 2015, "freshman_sophomore_test"),
        ("2017 Jr-Sr Exam.pdf", 2017, "junior_senior_test"),
        ("2015 2-Person Exam.pdf", 2015, "two_person_speed_event"),
        ("Fresh-soph-test2011.pdf", 2011, "freshman_sophomore_test"),
        ("jr-senior-test2011.pdf", 2011, "junior_senior_test"),
        ("2019 Freshman Sophomore.pdf", 2019, "freshman_sophomore_test"),
        ("2019 juniors-seniors.pdf", 2019, "junior_senior_test"),
        ("2019 Junior and Senior.pdf", 2019, "junior_senior_test"),
        ("2019 Frosh-Soph.pdf", 2019, "freshman_sophomore_test"),
        ("2019 Freshmen and Sophomores.pdf", 2019, "freshman_sophomore_test"),
        ("2019 June.pdf", 2019, "june"),
        ("2021 Senior Challenge.pdf", 2021, "senior_challenge"),
        ("2019 Philosophy.pdf", 2019, "philosophy"),
        ("2019 Fresh Start.pdf", 2019, "fresh_start"),
        ("2019 Final Round.pdf", 2019, "final_round"),
        ("2019.pdf", 2019, None),
        ("algebra.pdf", None, "algebra"),
        ("2018-2019 algebra.pdf", None, "algebra"),
        ("exam 12345.pdf", None, "exam_12345"),
    ],
)
def test_a_name_says_year_and_section(name, year, section):
    assert year_and_section(name) == (year, section)


def test_an_id_has_two_digits():
    assert problem_id(2011, "junior_senior_test", 7) == "2011/junior_senior_test/07"


def pdf(text: str = "Hello", **protection: str) -> bytes:
    document = FPDF()
    document.add_page()
    if text:
        document.set_font("times", size=12)
        document.text(20, 20, text)
    if protection:
        document.set_encryption(**protection)
    stream = BytesIO()
    document.output(stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a PDF"),
        (b"PK\x03\x04 a spreadsheet", "is not a PDF: it begins with"),
        (pdf()[:400], "is cut off"),
        (b"%PDF-1.7\nnothing in it\n%%EOF", "is damaged"),
        (pdf(owner_password="a", user_password="b"), "is encrypted"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, content, message):
    path = tmp_path / "2019 exam.pdf"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as raised:
        open_pdf(path)
    assert str(path) in str(raised.value)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        open_pdf(tmp_path / "none.pdf")


@pytest.mark.parametrize(("text", "text_pages"), [("Hello", 1), ("", 0)])
def test_the_manifest_tells_scans(tmp_path: Path, text, text_pages):
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf(text))
    entry = describe(path, "b.pdf", 2019, None)
    assert (entry.file, entry.original, entry.pages, entry.text_pages) == ("a.pdf", "b.pdf", 1, text_pages)
    assert len(entry.sha256) == 64
