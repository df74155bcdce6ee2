import keras

from zfkeras.models.variants import VARIANTS
from zfkeras.models.zfnet import ZFNet
from zfkeras.summary import main, summary


def run(capsys, *argv):
    code = main(list(argv))
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return code, out.splitlines(), err.splitlines()


def cells(line):
    """The words of a row of the table that are not empty."""
    return line.replace("|", " ").split()


def test_zfnet_is_the_papers(capsys):
    code, lines, err = run(capsys)
    assert (code, err) == (0, [])
    assert lines[0].startswith("zfnet: 62,357,608 parameters;")
    table = {name: words for name, *words in map(cells, lines[3:])}
    # Fig. 3, and the receptive fields that follow from its filters and strides.
    assert table["conv1"] == ["110x110", "96", "14,208", "7x7", "2"]
    assert table["norm1"] == ["1", "55x55", "96", "11x11", "4"]
    assert table["norm2"] == ["2", "13x13", "256", "43x43", "16"]
    assert table["conv3"] == ["3", "13x13", "384", "885,120", "75x75", "16"]
    assert table["conv4"] == ["4", "13x13", "384", "1,327,488", "107x107", "16"]
    assert table["pool5"] == ["5", "6x6", "256", "171x171", "32"]
    assert table["fc6"] == ["6", "4096", "37,752,832", "image"]
    assert table["fc7"] == ["7", "4096", "16,781,312", "image"]
    assert table["predictions"] == ["1000", "4,097,000", "image"]


def test_each_row_is_a_layer_and_columns_line_up(capsys):
    variant = "zfnet_quarter_without_3_4"
    # Of any number of classes: no memory is taken for weights.
    code, lines, _ = run(capsys, "--variant", variant, "--num-classes", "1000000000")
    assert code == 0
    names = [layer.name for layer in ZFNet(10, variant=variant).layers]
    assert [cells(line)[0] for line in lines[3:]] == names
    assert len({len(line) for line in lines[1:]}) == 1
    assert cells(lines[-1])[:3] == ["predictions", "1000000000", "1,025,000,000,000"]


def test_list_names_every_variant(capsys):
    assert run(capsys, "--variant", "list") == (0, list(VARIANTS), [])


def test_a_model_file_is_summed_up_as_its_network(capsys, model_file):
    code, lines, err = run(capsys, "--model", str(model_file))
    assert (code, err) == (0, [])
    model = ZFNet(4, variant="zfnet_quarter_without_6_7")
    assert "\n".join(lines) == summary(model).to_text()


def test_a_network_of_other_layers_is_summed_up_with_the_layers_inside(
    capsys, tmp_path
):
    base = keras.Sequential(
        [
            keras.Input((16, 24, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(4, 3, strides=2, name="conv"),
        ],
        name="base",
    )
    image = keras.Input((16, 24, 3), name="image")
    flat = keras.layers.Flatten(name="flat")(-base(image))
    answer = keras.layers.Dense(2, "softmax", name="answer")(flat)
    keras.Model(image, answer).save(tmp_path / "mine.keras")
    code, lines, _ = run(capsys, "--model", str(tmp_path / "mine.keras"))
    assert code == 0
    table = {name: words for name, *words in map(cells, lines[3:])}
    assert table["image"] == ["16x24", "3", "1x1", "1"]
    assert table["base.conv"] == ["7x11", "4", "112", "3x3", "2"]
    assert table["answer"] == ["2", "618", "image"]
    assert "base" not in table


def error(capsys, *argv):
    code, out, err = run(capsys, *argv)
    assert (code, out, len(err)) == (2, [], 1)
    return err[0].removeprefix("python -m zfkeras.summary: error: ")


def test_a_model_has_its_own_number_of_classes(capsys, model_file):
    for words in (("--num-classes", "10"), ("--variant", "zfnet")):
        message = error(capsys, "--model", str(model_file), *words)
        assert message.startswith(f"{words[0]} must be given without --model")
    assert "must be a preset" in error(capsys, "--model", "")
