"""`python -m benchmarks.folder_layout`: what it costs to sort the names of ImageNet.

1.33 million names in 1,000 classes and two splits; no file is touched.
"""

import time

from zfkeras.data.files.image_types import may_be_image
from zfkeras.data.sources.folder_layout import find_layout


def main() -> None:
    """Prints processor seconds."""
    names = [
        f"{split}/n{number:08d}/n{number:08d}_{image}.JPEG"
        for split, per_class in (("train", 1280), ("val", 50))
        for number in range(1000)
        for image in range(per_class)
    ]
    start = time.process_time()
    layout = find_layout("imagenet", [name for name in names if may_be_image(name)])
    seconds = time.process_time() - start
    count = sum(map(len, layout.images["train"].values()))
    print(f"{len(names):,} names, {count:,} in train: {seconds:.1f} processor seconds")


if __name__ == "__main__":
    main()
