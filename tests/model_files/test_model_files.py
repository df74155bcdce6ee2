"""Every kind of model file goes through every command, or is refused in one line."""

import pytest

from tests.model_files.commands import WORKS, command_lines, make_images, outcome
from tests.model_files.kinds import KINDS, family, family_kinds, rescaled

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return make_images(tmp_path_factory.mktemp("images") / "shapes")


@pytest.mark.parametrize("kind", [*KINDS, *family_kinds()], ids=lambda kind: kind.title)
def test_a_kind_of_file_goes_through_all_commands(kind, images, tmp_path):
    model = str(kind.make(tmp_path / "mine"))
    for command, arguments in command_lines(images).items():
        given = [*arguments, "--model", model, *kind.flags]
        found = outcome(command, given, tmp_path / command)
        if kind.refused is not None:
            assert kind.refused in found, command
        elif not (kind.lacks_rule and "register_rule" in found):
            assert found == WORKS, command


@pytest.mark.parametrize(
    "name", ["ConvNeXtTiny", "EfficientNetB0", "EfficientNetV2B0", "MobileNetV3Small"]
)
def test_generalised_rules_go_through_what_the_paper_refuses(name, images, tmp_path):
    model = ["--model", str(family(name)(tmp_path / "mine"))]
    lines = command_lines(images)
    for command in ("visualize.features", "visualize.project"):
        given = [*lines[command], *model]
        assert "--rules generalised" in outcome(command, given, tmp_path / "paper")
        given += ["--rules", "generalised"]
        assert outcome(command, given, tmp_path / command) == WORKS, command


def test_a_file_with_its_own_rescaling_goes_to_a_report_without_an_option(
    images, tmp_path
):
    model = str(rescaled(tmp_path / "mine"))
    given = ["--model", model, "--data", f"folder:{images}", "--quick"]
    assert outcome("visualize.report", given, tmp_path / "report") == WORKS
    page = (tmp_path / "report" / "report.html").read_text("utf-8")
    assert "occlusion" in page and "mine" in page
