import pytest

from distil.pipeline.command import Params, load_params, run
from distil.pipeline.files import InputError


class Knobs(Params):
    rank: int
    rate: float = 0.1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("lora: {rank: eight}", r"lora\.rank: .*valid integer.*found 'eight'"),
        ("lora: {rank: 8, rnak: 4}", r"lora\.rnak: Extra inputs"),
        ("lora: {}", r"lora\.rank: Field required"),
        ("lora:", r"params.yaml: lora: Input should be"),
        ("other: {}", "no block 'lora'"),
        ("lora: {rank: [", "not YAML"),
        ("", "no block 'lora'"),
    ],
)
def test_a_wrong_parameter_is_named(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(content)
    with pytest.raises(InputError, match=message):
        load_params("lora", Knobs)


def test_parameters_outside_a_checkout_say_where_to_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="Run from the repository's root"):
        load_params("lora", Knobs)


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (InputError("no exams in exams/"), "error: no exams in exams/"),
        (KeyboardInterrupt(), "interrupted: run the same"),
    ],
)
def test_an_error_the_user_can_mend_is_one_line_and_a_failing_exit(error, shown):
    def main():
        raise error

    with pytest.raises(SystemExit) as stopped:
        run(main)
    assert str(stopped.value).startswith(shown)
