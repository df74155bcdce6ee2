"""A trained network with all it takes to use it: one `.keras` file, one object."""

import dataclasses
import functools
import itertools
import operator
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from zfkeras.data.files.decoding import each_image
from zfkeras.data.preprocessing import Preprocessing
from zfkeras.graph.layer_graph import check_layer
from zfkeras.graph.layer_outputs import compile_layer
from zfkeras.models.classifier_files import read_classifier, write_classifier


@dataclasses.dataclass(frozen=True, eq=False)
class Classifier:
    """A trained network that takes raw RGB images.

    Args:
        model: the Keras model, from preprocessed images to probabilities.
        preprocessing: mean image, crop and scale it was trained with.
        class_names: name of each class, such as "n02124075 Egyptian cat".
        made: how it was made: configuration, command, commit, versions, errors. Empty
            (default): that is not known.

    Example:
        >>> classifier = zfkeras.load("runs/zfnet/model.keras")  # doctest: +SKIP
        >>> classifier.predict(["cat.jpg"]).shape  # doctest: +SKIP
        (1, 1000)
    """

    model: keras.Model
    preprocessing: Preprocessing
    class_names: tuple[str, ...]
    made: Mapping[str, object] = dataclasses.field(default_factory=dict)

    def predict(
        self, images, *, ten_crop: bool = False, batch_size: int = 64
    ) -> np.ndarray:
        """Classifies raw images.

        Args:
            images: one image or an iterable of images, each an array (height, width,
                3) of range 0-255, uint8 or float, of any size, a file path, an encoded
                file's bytes or a Pillow image; or one array (n, height, width, 3).
            ten_crop: average over the four corners, the centre and their mirror images
                in place of the centre crop alone.
            batch_size: crops that go through the network at once.

        Returns:
            float32 array (n, classes) of probabilities; n is 1 for a single image.

        Raises:
            FileNotFoundError: a path that is not there.
            BadImage: an image that cannot be decoded.
            ValueError: an array of another shape or range, or batches below 1.
            TypeError: what is no image, nor several.
        """
        preprocessing = self.preprocessing
        crop = preprocessing.ten_crop if ten_crop else preprocessing.centre_crop
        answers = [
            predict_crops(self.model, crops)
            for crops in self._batches(images, crop, batch_size)
        ]
        if not answers:
            return np.zeros((0, len(self.class_names)), np.float32)
        probabilities = np.concatenate(answers)
        return probabilities.mean(axis=1) if ten_crop else probabilities

    def features(
        self, images, layer: int | str = 5, *, batch_size: int = 64
    ) -> np.ndarray:
        """Computes a layer's output for raw images.

        The network runs up to that layer only, on the centre crop of each image. The
        first call for a layer compiles it. Memory grows only by the result.

        Args:
            images: as in `predict`.
            layer: the paper's number, 1 to 7, as `zfkeras.endpoints` defines it (5 is
                pool5, 7 is fc7), or the name of a layer; inside a nested model with
                that model's name before it, "base.block4_pool". Networks that `ZFNet`
                did not make have names only.
            batch_size: images that go through the network at once.

        Returns:
            float32 array (n, height, width, channels) of maps, or (n, units); n is 1
            for a single image.

        Raises:
            UsageError: the network has no such layer, or its output is neither maps
                nor a vector, or has no fixed size.
            FileNotFoundError, BadImage, ValueError, TypeError: as in `predict`.

        Example:
            >>> import zfkeras
            >>> classifier = zfkeras.load("quarter")
            >>> photograph = np.zeros((120, 80, 3), np.uint8)
            >>> classifier.features(photograph, layer=5).shape
            (1, 3, 3, 128)
        """
        check_layer(layer)
        shape, output = self._compile_layer(layer)
        crop = self.preprocessing.centre_crop
        batches = map(output, self._batches(images, crop, batch_size))
        maps = itertools.chain.from_iterable(batches)
        return np.fromiter(maps, np.dtype((np.float32, shape)))

    def prepare(self, images) -> np.ndarray:
        """Prepares raw images as the model takes them.

        Args:
            images: as in `predict`.

        Returns:
            float32 array (n, height, width, channels): centre crops in the network's
            channels, the mean subtracted, scaled.

        Raises:
            FileNotFoundError, BadImage, ValueError, TypeError: as in `predict`.
        """
        preprocessing = self.preprocessing
        shape = preprocessing.input_shape
        crops = [preprocessing.centre_crop(s) for s in self._squares(images)]
        return np.stack(crops) if crops else np.zeros((0, *shape), np.float32)

    def save(self, path: str | Path, *, half_weights: bool = False) -> None:
        """Writes one self-sufficient `.keras` file, whole or not at all.

        Args:
            path: ends in ".keras"; an existing file is replaced.
            half_weights: store the weights as float16, half the size; the network that
                is loaded computes in float32 all the same.

        Raises:
            UsageError: `path` does not end in ".keras", the parts do not fit together
                or the network holds a Lambda layer, so that `load` would refuse the
                file, or `made` is not made of JSON values.
        """
        write_classifier(self, Path(path), half_weights)

    @classmethod
    def from_keras(
        cls,
        model: keras.Model,
        inputs: str | None = None,
        outputs: str | None = None,
        class_names: Sequence[str] | str | Path | None = None,
        output: str | None = None,
    ) -> "Classifier":
        """Makes a classifier of a plain Keras model.

        What is assumed because nobody said it is logged, and kept in
        `made["from_keras"]["assumed"]`. The layers of the model are shared, not copied.

        Args:
            model: a built functional or sequential model of images with three channels
                or one, channels last. Without a fixed height and width it is given 224
                x 224 pixels; a fixed batch size is made free.
            inputs: the values it reads: "caffe", "tf" or "torch", as keras.applications
                calls its modes, "0..255", "0..1" or "-1..1". `None` (default): 0..255,
                if the model begins with a Rescaling or Normalization layer.
            outputs: "probabilities", or "logits", which get a softmax (for one unit a
                sigmoid). `None` (default): what the activation of the last layer, or
                from_logits of the compiled loss, says.
            class_names: name of each class, or a file of them, one a line. A single
                unit needs two names, of the class of answer 0 and of that of answer 1;
                it becomes two units. `None` (default): the classes are numbered.
            output: name of the output to take. `None` (default): there is only one.

        Raises:
            UsageError: a model of another kind, or several inputs; the values that it
                reads or answers with are not known, or `outputs` contradicts its last
                layer; no such output; another number of names than of classes.

        Example:
            >>> vgg = keras.applications.VGG16(weights=None)  # doctest: +SKIP
            >>> zfkeras.Classifier.from_keras(vgg, inputs="caffe")  # doctest: +SKIP
        """
        from zfkeras.models.from_keras import from_keras

        return from_keras(model, inputs, outputs, class_names, output)

    @classmethod
    def load(cls, path: str | Path) -> "Classifier":
        """Reads what `save` wrote. Never unpickles and never runs code from the file.

        Args:
            path: the file.

        Raises:
            FileNotFoundError: no such file.
            UsageError: not a `.keras` file, damaged, one without its mean image and
                class names (`zfkeras.load` takes those), one with a layer that is not
                Keras's own and was not imported, or a network that answers with logits.
        """
        return cls(*read_classifier(Path(path)))

    def __getstate__(self):
        # Graph and weights: joblib's caches compare bytes, and Keras's own pickle holds
        # the time. Compiled layers cannot be pickled and are left out.
        state = {
            part.name: getattr(self, part.name) for part in dataclasses.fields(self)
        }
        return {**state, "model": (self.model.to_json(), self.model.get_weights())}

    def __setstate__(self, state):
        graph, weights = state["model"]
        model = keras.models.model_from_json(graph)
        model.set_weights(weights)
        vars(self).update(state, model=model)

    def __sklearn_clone__(self):
        # Estimators that hold a classifier share it with their clones.
        return self

    @functools.cached_property
    def _compile_layer(self):
        """Wraps `compile_layer` for this network, which compiles each layer once."""
        return functools.cache(functools.partial(compile_layer, self.model))

    def _batches(self, images, crop, batch_size) -> Iterator[np.ndarray]:
        """Yields the crops of so many images at a time."""
        if operator.index(batch_size) < 1:
            raise ValueError(
                f"`batch_size` must be at least 1. Received: batch_size={batch_size!r}."
            )
        crops = map(crop, self._squares(images))
        while batch := [*itertools.islice(crops, batch_size)]:
            yield np.stack(batch)

    def _squares(self, images) -> Iterator[np.ndarray]:
        return map(self.preprocessing.square, each_image(images))


def predict_crops(model: keras.Model, crops: np.ndarray) -> np.ndarray:
    """Probabilities of preprocessed crops.

    `model`: from (batch, height, width, channels) to (batch, classes).
    `crops`: float32 (n, height, width, channels), or (n, 10, ...) for ten crops.
    Returns float32 array (n, classes), or (n, 10, classes).
    """
    if crops.ndim == 4:
        # Of mirrored replicas each answers to the whole batch, one behind the other.
        answers = model.predict_on_batch(crops)[: len(crops)]
        return np.asarray(answers, np.float32)  # of half precision, too
    # One of the ten at a time: all at once would take ten times the memory.
    answers = [predict_crops(model, crops[:, i]) for i in range(crops.shape[1])]
    return np.stack(answers, axis=1)
