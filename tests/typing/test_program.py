"""The program that `mypy` checks is one that works."""

from tests.typing.program import main


def test_the_users_program_runs(tmp_path, capsys):
    main(tmp_path / "model.safetensors")
    assert capsys.readouterr().out.endswith("SigmoidMLPRegressor True\n")
