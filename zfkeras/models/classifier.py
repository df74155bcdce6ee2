"""A trained network with all it takes to use it: one `.keras` file, one object."""

import dataclasses
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import keras
import numpy as np

import zfkeras.layers  # noqa: F401 - registers the layers that files name
from zfkeras.constraints import MaxRMS  # noqa: F401 - likewise
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.errors import UsageError
from zfkeras.files import written_whole

# Members that make a Keras archive self-sufficient; Keras itself passes over them.
_CARD = "zfkeras/card.json"
_MEAN_IMAGE = "zfkeras/mean_image.npy"


@dataclasses.dataclass(frozen=True, eq=False)
class Classifier:
    """A trained network that takes raw RGB images.

    Args:
        model: the Keras model, from preprocessed images to probabilities.
        preprocessing: mean image, crop and scale it was trained with.
        class_names: name of each class, such as "n02124075 Egyptian cat".
        made: how it was made: configuration, command, commit, versions, errors.

    Example:
        >>> import zfkeras
        >>> classifier = zfkeras.load("runs/zfnet/model.keras")  # doctest: +SKIP
        >>> classifier.predict(["cat.jpg"]).shape  # doctest: +SKIP
        (1, 1000)
    """

    model: keras.Model
    preprocessing: Preprocessing
    class_names: tuple[str, ...]
    made: Mapping[str, object]

    def predict(
        self, images, *, ten_crop: bool = False, batch_size: int = 64
    ) -> np.ndarray:
        """Classifies raw images.

        Args:
            images: one image or an iterable of images, each an array (height, width,
                3) of range 0-255, uint8 or float, of any size, or a file path; or one
                array (n, height, width, 3).
            ten_crop: average over the four corners, the centre and their mirror images
                in place of the centre crop alone.
            batch_size: crops that go through the network at once.

        Returns:
            float32 array (n, classes) of probabilities; n is 1 for a single image.

        Raises:
            FileNotFoundError: a path that is not there.
            BadImage: an image that cannot be decoded.
            ValueError: an array of another shape or range.
        """
        crop = (
            self.preprocessing.ten_crop if ten_crop else self.preprocessing.centre_crop
        )
        per_batch = max(1, batch_size // 10) if ten_crop else batch_size
        answers = [
            predict_crops(self.model, np.stack([crop(square) for square in batch]))
            for batch in _batched(self._squares(images), per_batch)
        ]
        if not answers:
            return np.zeros((0, len(self.class_names)), np.float32)
        probabilities = np.concatenate(answers)
        return probabilities.mean(axis=1) if ten_crop else probabilities

    def save(self, path: str | Path) -> None:
        """Writes one self-sufficient `.keras` file, whole or not at all.

        Args:
            path: ends in ".keras"; an existing file is replaced.
        """
        path = Path(path)
        if path.suffix != ".keras":
            raise UsageError(f"`path` must end in .keras. Received: path='{path}'.")
        with tempfile.TemporaryDirectory() as folder:
            aside = Path(folder) / path.name
            keras.saving.save_model(self.model, aside)
            with zipfile.ZipFile(aside, "a", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(_CARD, json.dumps(self._card(), indent=1))
                mean = io.BytesIO()
                np.save(mean, self.preprocessing.mean_image, allow_pickle=False)
                archive.writestr(_MEAN_IMAGE, mean.getvalue())
            with open(aside, "rb") as whole, written_whole(path) as file:
                shutil.copyfileobj(whole, file)

    @classmethod
    def load(cls, path: str | Path) -> "Classifier":
        """Reads what `save` wrote. Never unpickles and never runs code from the file.

        Raises:
            FileNotFoundError: no such file.
            UsageError: not a `.keras` file, damaged, or one without its mean image and
                class names.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"no model file at {path}")
        try:
            with zipfile.ZipFile(path) as archive:
                damaged = archive.testzip()
                if damaged is not None:
                    raise UsageError(f"{path} is damaged (member {damaged}).")
                card = json.loads(archive.read(_CARD))
                mean = io.BytesIO(archive.read(_MEAN_IMAGE))
        except zipfile.BadZipFile as err:
            raise UsageError(
                f"{path} is not a .keras file, or it is cut short."
            ) from err
        except KeyError as err:
            raise UsageError(
                f"{path} holds a network but not its mean image and class names; save "
                "it with zfkeras.Classifier.save."
            ) from err
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
        preprocessing = Preprocessing(
            np.load(mean, allow_pickle=False), **card["preprocessing"]
        )
        return cls(model, preprocessing, tuple(card["class_names"]), card["made"])

    def _card(self):
        return {
            "class_names": list(self.class_names),
            "preprocessing": {
                "crop_size": self.preprocessing.crop_size,
                "input_scale": self.preprocessing.input_scale,
            },
            "made": dict(self.made),
        }

    def _squares(self, images) -> Iterator[np.ndarray]:
        single = isinstance(images, (str, Path, bytes)) or (
            getattr(images, "ndim", None) in (2, 3)
        )
        for image in [images] if single else images:
            yield self.preprocessing.square(image)


def predict_crops(model: keras.Model, crops: np.ndarray) -> np.ndarray:
    """Probabilities of preprocessed crops.

    Args:
        model: from (batch, crop, crop, 3) to (batch, classes).
        crops: float32 (n, crop, crop, 3), or (n, 10, crop, crop, 3) for ten crops.

    Returns:
        float32 array (n, classes), or (n, 10, classes).
    """
    leading = crops.shape[:-3]
    answers = model.predict_on_batch(crops.reshape(-1, *crops.shape[-3:]))
    return answers.reshape(*leading, -1)


def _batched(items: Iterable, size: int) -> Iterator[list]:
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
