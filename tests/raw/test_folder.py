import pytest

from distil.pipeline.files import InputError
from stages.raw.exam_pdf import Exam, PrintedQuestion, typeset
from stages.raw.folder import copy_exams

PDF = typeset(Exam(2019, "s", "Contest", "Test", 1, 10, (PrintedQuestion("Find 1 + 1.", "2"),)))


@pytest.fixture
def folder(tmp_path):
    source = tmp_path / "my exams"
    source.mkdir()
    return source


def test_names_and_exams_yaml_say_year_and_section(folder, tmp_path):
    for name in ("2019 junior_senior_test.pdf", "2019-FS.PDF", "2021.pdf", "final.pdf"):
        (folder / name).write_bytes(PDF)
    (folder / "notes.txt").write_text("not an exam")
    (folder / "exams.yaml").write_text("2021.pdf: {section: relay}\nfinal.pdf: {year: 2020, section: final_round}\n")
    described = copy_exams(folder, tmp_path / "exams")
    assert {(entry.file, entry.original) for entry in described} == {
        ("2019-junior_senior_test.pdf", "2019 junior_senior_test.pdf"),
        ("2019-freshman_sophomore_test.pdf", "2019-FS.PDF"),
        ("2021-relay.pdf", "2021.pdf"),
        ("2020-final_round.pdf", "final.pdf"),
    }
    assert {path.name for path in (tmp_path / "exams").iterdir()} == {entry.file for entry in described}


def test_a_key_may_be_a_file_of_its_own(folder, tmp_path):
    names = ("2019 JS.pdf", "2019 JS answer key.pdf", "JS_2020.pdf", "Solutions JS_2020.PDF", "final.pdf", "7.pdf")
    for name in (*names, "2022 FS and key.pdf", "2023 JS.pdf"):
        (folder / name).write_bytes(PDF)
    (folder / "exams.yaml").write_text("final.pdf: {year: 2021, key: 7.pdf}\n2023 JS.pdf: {key: 2023 JS.pdf}\n")
    described = copy_exams(folder, tmp_path / "exams")
    assert {(entry.original, entry.key and (entry.key.file, entry.key.original)) for entry in described} == {
        ("2019 JS.pdf", ("2019-junior_senior_test.key.pdf", "2019 JS answer key.pdf")),
        ("JS_2020.pdf", ("2020-junior_senior_test.key.pdf", "Solutions JS_2020.PDF")),
        ("final.pdf", ("2021-final.key.pdf", "7.pdf")),
        ("2022 FS and key.pdf", None),  # no file is called `2022 FS and`
        ("2023 JS.pdf", None),  # it holds its key itself
    }
    files = {entry.file for entry in described} | {entry.key.file for entry in described if entry.key}
    assert {path.name for path in (tmp_path / "exams").iterdir()} == files


def test_what_may_be_an_exam_and_is_not_read_is_named(folder, tmp_path, capsys):
    for name in ("2019 JS.pdf", "2020 JS.doc", "2021 JS.JPG", "notes.txt", ".DS_Store"):
        (folder / name).write_bytes(PDF)
    for name in ("older", ".git", "scans.pdf"):
        (folder / name).mkdir()
    assert [entry.original for entry in copy_exams(folder, tmp_path / "exams")] == ["2019 JS.pdf"]
    assert capsys.readouterr().err == (
        f"{folder}: not read: '2020 JS.doc', '2021 JS.JPG', 'older/', 'scans.pdf/'. An exam is a file of the folder "
        "itself, and ends in .pdf, .tex, .docx, .md or .html.\n"
    )


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "holds no PDF"),
        ({"2019 js.pdf": b"hello"}, "2019 js.pdf is not a PDF"),
        ({"2019 js.pdf": PDF[:500]}, "2019 js.pdf is cut off"),
        ({"algebra.pdf": PDF}, "algebra.pdf: its year is unknown"),
        ({"2019.pdf": PDF}, "2019.pdf: its section is unknown"),
        ({"2019 js.pdf": PDF, "JS 2019.pdf": PDF}, "are both 2019 junior_senior_test"),
        ({"2019 js.pdf": PDF, "exams.yaml": b"2018 js.pdf: {year: 2018}"}, "lists '2018 js.pdf', which is not in"),
        ({"2019 js.pdf": PDF, "exams.yaml": b"2019 js.pdf: {jahr: 2018}"}, "It is a list of"),
        ({"2019 js.pdf": PDF, "exams.yaml": b"{"}, "It is a list of"),
        (
            {"2019 js.pdf": PDF, "exams.yaml": b"2019 js.pdf: {key: k.pdf}"},
            "the key 'k.pdf' of '2019 js.pdf' is not in",
        ),
        ({"2019 js.pdf": PDF, "2019 js key.pdf": PDF, "2019 js answers.pdf": PDF}, "are both the key of .*2019 js.pdf"),
        (
            {
                **{"2019 js A.pdf": PDF, "2019 js B.pdf": PDF, "2019 js A key.pdf": PDF},
                "exams.yaml": b"2019 js A.pdf: {section: a}\n2019 js B.pdf: {section: b}",
            },
            "A key.pdf may be the key of 2019 js A.pdf or of 2019 js B.pdf. Say which in",
        ),
        (
            {"a.pdf": PDF, "b.pdf": PDF, "exams.yaml": b"a.pdf: {year: 2019, key: b.pdf}\nb.pdf: {key: a.pdf}"},
            "'b.pdf' is the key of 'a.pdf', and has a key of its own",
        ),
        (
            {
                **{"2019 js.pdf": PDF, "b.pdf": PDF},
                "exams.yaml": b"2019 js.pdf: {key: b.pdf}\nb.pdf: {year: 2020, section: x}",
            },
            "'b.pdf' is the key of '2019 js.pdf', and has a year or section of its own",
        ),
        ({"2019 js.pdf": PDF, "2019 js key.md": b"1. 2"}, "2019 js.pdf: give both as PDFs, or neither"),
        ({"2019 js.pdf": PDF, "key.pdf": PDF}, r"its year is unknown.*'EXAM.pdf: \{key: key.pdf\}'"),
        ({"2019 js.pdf": PDF, "exams.yaml": b"2019 js.pdf: {section: A B}"}, "'A B' may hold only"),
    ],
)
def test_what_is_wrong_with_a_folder_is_said(folder, tmp_path, files, message):
    for name, content in files.items():
        (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        copy_exams(folder, tmp_path / "exams")


def test_a_folder_that_is_none_is_said(tmp_path):
    with pytest.raises(InputError, match="is not a folder"):
        copy_exams(tmp_path / "none", tmp_path / "exams")
