import pytest

from tests.helpers.trees import contents, jpeg, write_tar, write_tree, write_zip
from zfkeras.data.register import open_source
from zfkeras.errors import UsageError

FLOWERS = {
    "rose/2.PNG": jpeg(2),
    "rose/1.jpg": jpeg(1),
    "n01440764/images/n01440764_3.JPEG": jpeg(3),
    "daisy/deep/er/4.webp": jpeg(4),
    "daisy/notes.txt": "no image",
    ".cache/5.jpg": jpeg(5),
    "README.md": "no image",
    "code/run.py": "no image",
}
READ = [
    ("daisy/deep/er/4.webp", 0, jpeg(4)),
    ("n01440764/images/n01440764_3.JPEG", 1, jpeg(3)),
    ("rose/1.jpg", 2, jpeg(1)),
    ("rose/2.PNG", 2, jpeg(2)),
]


def test_a_zip_of_the_folder_gives_the_same(tmp_path):
    inside = {f"flowers/{name}": content for name, content in FLOWERS.items()}
    for files in (FLOWERS, inside):
        source = open_source(f"folder:{write_zip(tmp_path / 'z.zip', files)}")
        assert source.class_names == ("daisy", "n01440764", "rose")
        assert contents(source.split("train")) == READ


@pytest.mark.parametrize("val", ["val", "validation"])
def test_train_and_val_folders_are_splits(tmp_path, val):
    tree = {
        "train/a/1.jpg": jpeg(1),
        "train/b/2.jpg": jpeg(2),
        "train/c/3.jpg": jpeg(3),
        f"{val}/c/4.jpg": jpeg(4),
        "test/a/5.jpg": jpeg(5),
    }
    source = open_source(f"folder:{write_tree(tmp_path, tree)}")
    assert source.class_names == ("a", "b", "c")
    assert contents(source.split("train"))[2] == ("train/c/3.jpg", 2, jpeg(3))
    assert contents(source.split("validation")) == [(f"{val}/c/4.jpg", 2, jpeg(4))]
    assert contents(source.split("test")) == [("test/a/5.jpg", 0, jpeg(5))]


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({}, "holds no images; expected a folder"),
        ({"a/x.txt": "", "b/y.txt": ""}, "holds no images"),
        ({"a/1.jpg": jpeg(1)}, r"at least two classes .* Received: \['a'\]"),
        ({"1.jpg": jpeg(1), "2.jpg": jpeg(2)}, "image 1.jpg lies outside any class"),
        (
            {"a/1.jpg": jpeg(1), "b/1.jpg": jpeg(1), "z.jpg": jpeg(2)},
            "image z.jpg lies outside any class folder; expected a folder",
        ),
        (
            {"train/a/1.jpg": "", "train/b/1.jpg": "", "val/c/1.jpg": ""},
            r"found only in validation: c \(1 in all\)",
        ),
        (
            {"train/a/1.jpg": "", "train/b/1.jpg": "", "val/1.jpg": ""},
            "the folder val holds the image 1.jpg, which lies in no class folder",
        ),
        (
            {"train/a/1.jpg": "", "val/a/1.jpg": "", "validation/a/1.jpg": ""},
            "two folders for the validation images, validation and val",
        ),
    ],
)
def test_a_wrong_layout_is_one_line_that_names_the_path(tmp_path, tree, message):
    with pytest.raises(UsageError, match=message) as caught:
        open_source(f"folder:{write_tree(tmp_path, tree)}")
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ending", [".tar", ".tgz"])
def test_a_tar_is_read_in_place_like_its_folder(tmp_path, ending):
    tree = {
        f"imagenette/{split}/{wnid}/{split}_{i}.JPEG": jpeg(i)
        for split in ("train", "val")
        for wnid in ("n01440764", "n02102040")
        for i in range(2)
    }
    tar = write_tar(tmp_path / f"set{ending}", {**tree, "imagenette/noisy.csv": "a,b"})
    source = open_source(f"folder:{tar}")
    folder = open_source(f"folder:{write_tree(tmp_path / 'tree', tree)}")
    assert source.class_names == folder.class_names == ("n01440764", "n02102040")
    for split in ("train", "validation"):
        found, wanted = (contents(one.split(split)) for one in (source, folder))
        assert [row[1:] for row in found] == [row[1:] for row in wanted]
        assert len(found) == 4
