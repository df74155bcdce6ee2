"""Writes what a larger network answers for training images, for `data.soft_labels`.

`python -m tests.helpers.soft_labels TEACHER.keras CLASSES.txt SPEC OUT.npz`. The first
word of a class name, such as ImageNet's wnid, says which classes are the same.
"""

import sys

import numpy as np
from tqdm import tqdm

import zfkeras
from zfkeras.data.register import open_source

_BATCH = 256


def main(teacher: str, class_names: str, spec: str, out: str) -> None:
    """Reads each training image once; keeps the answers for the data's classes."""
    network = zfkeras.load(teacher, class_names=class_names)
    theirs = [name.split()[0] for name in network.class_names]
    source = open_source(spec)
    columns = [theirs.index(name.split()[0]) for name in source.class_names]
    split = source.split("train")
    ids, answers = [], []
    with tqdm(total=split.num_examples, unit=" images") as bar:
        for rows in split.stream().batch(_BATCH).as_numpy_iterator():
            images = [split.read(key) for key in rows["key"]]
            of_all = network.predict(images)
            ids.append(rows["id"].astype(bytes))
            # What is left of the probability belongs to classes the data has not.
            own = of_all[:, columns]
            answers.append((own / own.sum(axis=1, keepdims=True)).astype(np.float16))
            bar.update(len(images))
    np.savez(out, ids=np.concatenate(ids), probabilities=np.concatenate(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
