import keras
import numpy as np
import pytest
from PIL import Image

from tests.helpers.networks import make_classifier
from tests.helpers.records import read_results
from tests.helpers.splits import noise, noise_split, png
from tests.helpers.trees import write_tree
from visualize.figures.filters.plot import draw_filters, filter_images
from visualize.figures.filters.second_layer import default_layer, look_at_second_layer
from visualize.figures.filters.statistics import first_convolution, measure_filters
from visualize.filters import main, model_labels
from zfkeras.errors import UsageError
from zfkeras.models.zfnet import ZFNet


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """ZFNet with a dead filter, which never is active, and AlexNet."""
    folder = tmp_path_factory.mktemp("models")
    ours = make_classifier(1, "ab")
    conv = ours.model.get_layer("conv1")
    kernel, bias = conv.get_weights()
    kernel[..., 5] *= 1e-3
    bias[5] = -1
    conv.set_weights([kernel, bias])
    ours.save(folder / "ours.keras")
    alexnet = make_classifier(2, "ab", "alexnet_quarter_without_6_7")
    (folder / "alexnet").mkdir()
    alexnet.save(folder / "alexnet" / "model.keras")
    images = {
        f"val/{name}/{i}.png": png(noise(i, 64, 64)) for name in "ab" for i in (1, 2)
    }
    images |= {name.replace("val", "train"): file for name, file in images.items()}
    write_tree(folder / "images", images)
    return folder


def refused(capsys, argv) -> str:
    assert main([*map(str, argv)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    return line.removeprefix("python -m visualize.filters: error: ")


def test_networks_are_compared_side_by_side(files, tmp_path, capsys):
    argv = ["--model", files / "ours.keras", "--model", files / "alexnet/model.keras"]
    argv += ["--data", f"folder:{files}/images", "--workdir", tmp_path / "out"]
    assert main([*map(str, argv)]) == 0
    shown = capsys.readouterr().out
    assert f"{tmp_path}/out/filters.json" in shown
    for name in ("filters.png", "layer2.png"):
        with Image.open(tmp_path / "out" / name) as picture:
            assert min(picture.size) > 300
    record = read_results(tmp_path / "out", "filters")
    ours, alexnet = record["networks"]
    assert (ours["label"], alexnet["label"]) == ("ours", "alexnet")
    assert (ours["stride"], alexnet["stride"]) == ([2, 2], [4, 4])
    assert (ours["kernel_size"], alexnet["kernel_size"]) == ([7, 7], [11, 11])
    assert ours["dead"]["channels"] == ours["never_active"]["channels"] == [5]
    assert alexnet["dead"]["count"] == 0
    assert (ours["layer_2"]["layer"], alexnet["layer_2"]["layer"]) == ("norm2", "pool2")
    for network in (ours, alexnet):
        shares = network["layer_2"]["share_of_power"]
        fine, coarse = (shares[f"above_1/{n}_cycles_per_pixel"] for n in (4, 8))
        for what in ("reconstructions", "images"):
            assert 0 < fine[what] < coarse[what] < 1
        # White noise: what lies outside a square of half or a quarter of the side.
        assert fine["images"] == pytest.approx(1 - 1 / 4, abs=0.03)
        assert coarse["images"] == pytest.approx(1 - 1 / 16, abs=0.03)
    assert "Fig. 6" in record["paper"]["figure"]
    assert record["command"]


def test_without_data_only_filters_are_drawn(files, tmp_path):
    argv = ["--model", files / "ours.keras", "--label", "<b>$x$</b>"]
    assert main([*map(str, argv), "--workdir", str(tmp_path)]) == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"filters.png", "filters.json", "results.json"}
    (network,) = read_results(tmp_path, "filters")["networks"]
    assert network["label"] == "<b>$x$</b>"
    assert "never_active" not in network


def test_wrong_arguments_are_one_line(files, tmp_path, capsys):
    model = ["--model", files / "ours.keras", "--workdir", tmp_path / "out"]
    said = refused(capsys, [*model, "--label", "a", "--label", "b"])
    assert "Received: 1 models, 2 labels" in said
    said = refused(capsys, [*model, "--data", f"folder:{files}/images", "--layer", "9"])
    assert "`layer` must be one of" in said
    assert "--layer needs --data" in refused(capsys, [*model, "--layer", "conv3"])


def test_labels_name_the_preset_the_file_or_its_folder():
    names = ["quarter", "a/no_norm.keras", "runs/alexnet/model.keras"]
    assert model_labels(names, None) == ["quarter", "no_norm", "alexnet"]
    assert model_labels(names, [*"abc"]) == [*"abc"]


def test_grey_is_zero_and_the_scale_is_own_or_common():
    kernel = np.zeros((1, 2, 1, 2))
    kernel[0, :, 0] = [[4, 1], [-2, 0]]
    own = filter_images(kernel)[:, 0, :, 0]
    assert own.tolist() == [[255, 64], [255, 128]]
    common = filter_images(kernel, common_scale=True)[:, 0, :, 0]
    assert common.tolist() == [[255, 64], [160, 128]]
    assert filter_images(kernel).shape == (2, 1, 2, 3)


@pytest.mark.parametrize("count", [1, 4])
def test_any_number_of_networks_fits_into_the_picture(count):
    random = np.random.default_rng(0)
    kernels = [random.normal(size=(5, 5, 1, 6 + i)) for i in range(count)]
    measured = [measure_filters(kernel) for kernel in kernels]
    silent = [np.arange(6 + i) == 2 for i in range(count)]
    figure = draw_filters(
        [*"abcd"][:count], kernels, measured, [(1, 2)] * count, silent
    )
    titles = [axes.get_title() for axes in figure.axes]
    assert sum("stride 1x2" in title for title in titles) == count
    # The filter that never is active has a frame in each of its network's sheets.
    frames = [len(axes.patches) for axes in figure.axes[: 2 * count]]
    assert frames == [1] * (2 * count)


def test_without_renormalisation_a_few_filters_dominate():
    """What `--set model.max_filter_rms=none` takes away, at a rate that is too high."""
    labels = np.arange(8) % 2
    noise = np.random.default_rng(0).normal(0, 30, (8, 56, 56, 3))
    images = noise + np.where(labels, 60, -60)[:, None, None, None]

    def trained(max_filter_rms):
        keras.utils.set_random_seed(1)
        variant = "zfnet_quarter_without_3_4_6_7"
        model = ZFNet(2, variant=variant, max_filter_rms=max_filter_rms)
        optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
        model.compile(optimizer, "sparse_categorical_crossentropy")
        model.fit(images, labels, batch_size=8, epochs=6, verbose=0)
        return measure_filters(np.asarray(first_convolution(model)[1].kernel))

    bound, free = trained(0.1), trained(None)
    assert bound.rms.max() <= 0.1 * (1 + 1e-6)
    assert bound.dominance < 2
    assert free.dominance > 10


def test_the_second_layer_is_found_in_any_model():
    assert default_layer(ZFNet(2, variant="zfnet_quarter")) == "norm2"
    names = ("block1_conv1", "block1_conv2")
    convs = [keras.layers.Conv2D(2, 3, name=name) for name in names]
    tail = [keras.layers.Flatten(), keras.layers.Dense(2, name="fc2")]
    like_vgg = keras.Sequential([keras.Input((8, 8, 3)), *convs, *tail])
    assert default_layer(like_vgg) == "block1_conv2"
    single = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3)])
    with pytest.raises(UsageError, match="must have two Conv2D layers"):
        default_layer(single)


def test_the_strongest_activation_of_a_filter_is_projected_to_the_filter():
    """One activation of conv1 comes down as the filter, as strong as it was."""
    classifier = make_classifier(3, "ab")
    split = noise_split(5, 64)
    look = look_at_second_layer(classifier, "conv1", split, [(2, 2)])
    kernel = np.asarray(classifier.model.get_layer("conv1").kernel)
    crops = np.stack(
        [
            classifier.preprocessing.centre_crop(noise(number, 64, 64))
            for number in range(5)
        ]
    )
    maps = keras.Model(
        classifier.model.inputs, classifier.model.get_layer("conv1").output
    ).predict(crops, verbose=0)
    strongest = maps.max(axis=(0, 1, 2))
    whole = 0
    for channel, shown in zip(look.channels, look.reconstructions, strict=True):
        wanted = strongest[channel] * kernel[..., channel]
        inside = np.any(shown != 0, axis=-1)
        np.testing.assert_allclose(shown[inside], wanted[inside], rtol=1e-4, atol=1e-5)
        whole += inside.all()
    assert whole > 40  # the others hang over the image's border
    assert look.patches.shape == look.reconstructions.shape == (64, 7, 7, 3)
    assert not look.silent.any()


def test_a_layer_of_units_is_looked_at_too():
    classifier = make_classifier(3, "ab")
    look = look_at_second_layer(classifier, "predictions", noise_split(3, 64), [(2, 2)])
    assert look.channels.tolist() == [0, 1]
    assert look.patches.shape == look.reconstructions.shape == (2, 56, 56, 3)
    crops = {noise(number, 64, 64)[4:60, 4:60].tobytes() for number in range(3)}
    assert {patch.tobytes() for patch in look.patches} <= crops
