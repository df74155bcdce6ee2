import dataclasses
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from tests.helpers.pictures import encoded
from tests.helpers.records import read_results
from tests.helpers.splits import split_of
from tests.helpers.trees import write_tree
from transfer import overlap
from transfer.protocols.overlap import SURROUND, THRESHOLD, find_overlap
from transfer.reports.overlap import overlap_record, overlap_table
from zfkeras.data.files.bad_images import BadImages
from zfkeras.data.register import open_source
from zfkeras.errors import RunError


def picture(number):
    """A picture of patches and texture, of a size of its own, unlike every other."""
    random = np.random.default_rng([11, number])
    patches = Image.fromarray(random.integers(0, 256, (9, 12, 3), np.uint8))
    size = (160 + number % 3 * 20, 120)
    return patches.resize(size, Image.Resampling.BICUBIC)


def jpeg(image, quality=90):
    return encoded(image, "JPEG", quality=quality)


def trimmed(image, share):
    width, height = image.size
    return image.crop((int(width * share), int(height * share), width, height))


CHANGES = {
    "re-encoded": lambda image: jpeg(image, 40),
    "halved": lambda image: jpeg(image.resize((image.width // 2, image.height // 2))),
    "to 64 pixels": lambda image: jpeg(image.resize((image.width * 64 // 120, 64))),
    "trimmed": lambda image: jpeg(trimmed(image, 0.01)),
    "grey": lambda image: jpeg(image.convert("L")),
    "darker": lambda image: jpeg(image.point(lambda value: value * 0.7)),
    "as PNG": lambda image: encoded(image, "PNG"),
}


def named(files, prefix):
    split = split_of(files)
    ids = np.array([f"{prefix}-{i}".encode() for i in range(len(files))])
    return dataclasses.replace(split, ids=ids)


@pytest.mark.parametrize("change", CHANGES)
def test_made_duplicates_are_found_and_nothing_else(change):
    a = named([jpeg(picture(i)) for i in range(12)], "a")
    others = [jpeg(picture(i)) for i in range(100, 120)]
    b = named([*others, *(CHANGES[change](picture(i)) for i in range(8))], "b")
    found = find_overlap(a, b)
    assert sorted((pair.id_a, pair.id_b) for pair in found.pairs) == [
        (f"a-{i}", f"b-{20 + i}") for i in range(8)
    ]
    assert found.ids_a == [f"a-{i}" for i in range(8)]
    assert found.ids_b == sorted(f"b-{20 + i}" for i in range(8))
    assert found.label_of == {f"a-{i}": i for i in range(8)}
    assert (found.num_a, found.num_b) == (12, 28)
    correlations = [pair.correlation for pair in found.pairs]
    assert correlations == sorted(correlations, reverse=True)
    assert min(correlations) >= THRESHOLD


@pytest.mark.parametrize("surround", [None, SURROUND])
def test_either_set_may_be_the_larger(surround):
    a = named([jpeg(picture(i)) for i in range(6)], "a")
    b = named([jpeg(picture(i), 50) for i in range(3, 15)], "b")
    there = find_overlap(a, b, 0.3, surround=surround)
    back = find_overlap(b, a, 0.3, surround=surround)
    assert len(there.pairs) >= 3
    assert {(p.id_a, p.id_b, p.correlation) for p in there.pairs} == {
        (p.id_b, p.id_a, p.correlation) for p in back.pairs
    }
    assert [p.id_a for p in there.nearest[:3]] == [p.id_b for p in back.nearest[:3]]
    # The nearest are each image's best match, whatever the threshold.
    assert sorted(p.id_a for p in there.nearest) == [f"a-{i}" for i in range(6)]
    correlations = [p.correlation for p in there.nearest]
    assert correlations == sorted(correlations, reverse=True)


def test_flat_images_are_no_duplicates_of_each_other():
    flat = [jpeg(Image.new("RGB", (90, 70), (grey, grey, 9))) for grey in (0, 90, 90)]
    found = find_overlap(named(flat, "a"), named([*flat, jpeg(picture(1))], "b"), 0.1)
    assert found.pairs == found.nearest == []
    assert found.num_a == 3


def test_skies_alike_are_pairs_in_plain_correlation_only():
    def sky(number):
        random = np.random.default_rng([3, number])
        rows = np.linspace(220, 60, 64)[:, None, None]
        noise = random.normal(0, 12, (64, 64, 3))
        return jpeg(Image.fromarray(np.clip(rows + noise, 0, 255).astype(np.uint8)))

    a, b = named([sky(0)], "a"), named([sky(1)], "b")
    assert len(find_overlap(a, b, surround=None).pairs) == 1
    assert find_overlap(a, b).pairs == []


def test_every_image_read_is_reported_and_bad_ones_stop_the_run():
    seen = []
    good = [jpeg(picture(i)) for i in range(3)]
    a, b = named(good, "a"), named([*good, b"no image"], "b")
    with pytest.raises(RunError, match="1 of 7 images cannot be read"):
        find_overlap(a, b)
    found = find_overlap(a, b, bad_images=BadImages(7, 0.5), progress=seen.append)
    assert sum(seen) == 6
    assert (found.num_b, len(found.pairs)) == (3, 3)
    rest = b.without(name.encode() for name in found.ids_b)
    bad_images = BadImages(4, 0.5)
    assert find_overlap(a, rest, bad_images=bad_images).pairs == []


def test_empty_sets_share_nothing():
    full = named([jpeg(picture(0))], "b")
    empty = full.at(np.array([], int))
    for pair in ((empty, full), (full, empty), (empty, empty)):
        assert find_overlap(*pair).pairs == []


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    root = tmp_path_factory.mktemp("trees")

    def tree(name, numbers, quality):
        files = {f"{'ab'[i % 2]}/{i}.jpg": jpeg(picture(i), quality) for i in numbers}
        return f"folder:{write_tree(root / name, files)}"

    return tree("one", range(6), 90), tree("other", range(3, 20), 60)


def run(trees, tmp_path, *more):
    words = ["--data", trees[0], "--against", trees[1]]
    return overlap.main([*words, "--workdir", str(tmp_path / "out"), *more])


def test_the_command_lists_and_draws_the_pairs(trees, tmp_path, capsys):
    assert run(trees, tmp_path) == 0
    record = read_results(tmp_path / "out", "overlap")
    names = ["b/3.jpg", "a/4.jpg", "b/5.jpg"]
    assert {(p["id_a"], p["id_b"]) for p in record["pairs"]} == {(n, n) for n in names}
    assert (record["images"], record["images_against"]) == (6, 17)
    assert (record["overlapping"], record["overlapping_against"]) == (3, 3)
    assert record["classes"] == {"b": 2, "a": 1}
    assert record["most_in_one_class"] == 2
    assert len(record["nearest_below"]) == 3
    assert (record["threshold"], record["surround"]) == (THRESHOLD, SURROUND)
    with Image.open(tmp_path / "out" / "overlap.png") as image:
        assert image.format == "PNG" and min(image.size) > 400
    said = capsys.readouterr().out
    assert "3 of 6 images are in both (3 pairs)" in said and "leave_out.txt" in said
    assert record["tables"][0]["rows"] == [["one", "6", "3", "2"]]
    left_out = (tmp_path / "out" / "leave_out.txt").read_text().splitlines()
    assert sorted(left_out) == sorted(names)


def test_the_record_has_no_class_for_images_without_a_label(trees):
    # Previously -1 was the last class.
    source, other = map(open_source, trees)
    split = source.split("train")
    labels = np.where(np.arange(6) < 5, -1, split.labels)
    split = dataclasses.replace(split, labels=labels)
    about = {"data": "folder:one", "against": "folder:other", "threshold": 0.9}
    about["leave_out"] = "leave_out.txt"
    for threshold, count, classes in ((THRESHOLD, 3, {"b": 1}), (1, 0, {})):
        found = find_overlap(split, other.split("train"), threshold)
        record = overlap_record({}, found, source, split, other.split("train"), about)
        numbers = record.numbers
        assert (numbers["overlapping"], numbers["classes"]) == (count, classes)
        assert numbers["most_in_one_class"] == len(classes)


def test_the_paper_s_row_stands_below_its_data_set():
    numbers = {"images": 9144, "overlapping": 2, "most_in_one_class": 1}
    specs = {"data": "caltech101:a/b.zip", "against": "tiny-imagenet:c"}
    table = overlap_table({**numbers, **specs})
    assert table.rows == [
        ["caltech101", "9,144", "2", "1"],
        ["paper: caltech101, in ImageNet", "9,144", "44", "10"],
    ]
    assert len(overlap_table({**numbers, **specs, "data": "folder:x"}).rows) == 1


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--threshold", "1.5"], "must be from 0 to 1"),
        (["--against", "folder:/nowhere"], "/nowhere does not exist"),
    ],
)
def test_wrong_input_is_one_line_and_code_2(trees, tmp_path, capsys, more, message):
    assert run(trees, tmp_path, *more) == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
    assert not (tmp_path / "out").exists()


@pytest.mark.data
def test_photographs_are_found_again_and_taken_for_no_other(photographs):
    with zipfile.ZipFile(photographs / "imagenet-photographs.zip") as archive:
        names = sorted(n for n in archive.namelist() if n.endswith(".JPEG"))[:60]
        files = [archive.read(name) for name in names]
    pictures = [Image.open(io.BytesIO(file)).convert("RGB") for file in files]
    small = [jpeg(p.resize((p.width // 3, p.height // 3)), 60) for p in pictures]
    found = find_overlap(named(files, "a"), named(small, "b"))
    assert sorted((p.id_a, p.id_b) for p in found.pairs) == sorted(
        (f"a-{i}", f"b-{i}") for i in range(len(files))
    )


@pytest.mark.data
@pytest.mark.slow
def test_caltech_256_shares_no_photograph_with_tiny_imagenet(photographs):
    laptops = open_source(f"caltech256:{photographs}/caltech-256-ten-categories.zip")
    tiny = open_source(f"tiny-imagenet:{photographs}/tiny-imagenet-200-subset.zip")
    found = find_overlap(laptops.split("train"), tiny.split("train"))
    assert (found.num_a, found.num_b) == (1123, 15000)
    assert len(found.pairs) <= 5  # a threshold too low gives hundreds
