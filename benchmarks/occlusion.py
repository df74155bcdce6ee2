"""A square over 22x22 places of a 224 pixel image: ours, captum, tf-explain's way."""

import functools

import keras
import numpy as np

from benchmarks.comparison import Comparison, is_installed
from benchmarks.timing import interleaved
from benchmarks.training import stock_twin
from visualize.figures.occlusion.sliding_occluder import SlidingOccluder
from zfkeras.models.zfnet import ZFNet

PATCH_SIZE, PATCH_STRIDE, PLACES = 56, 8, 22
# Copies that captum evaluates at once; the fastest is compared.
CAPTUM_BATCHES = (8, 16, 32)
OURS, CAPTUM, KERAS = (
    "SlidingOccluder, three maps",
    "captum Occlusion, probability map",
    "tf-explain's way, three maps in two passes",
)


def run() -> list[Comparison]:
    """The full network with random weights."""
    model = ZFNet(kernel_initializer="he_normal")
    image = np.random.default_rng(0).normal(0, 60, model.input_shape[1:])
    image = image.astype(np.float32)
    occluder = SlidingOccluder(model, layer=5)
    stock = stock_twin(model)
    upto_5 = keras.Model(stock.inputs, stock.get_layer("pool5").output)
    contenders = {
        OURS: lambda: occluder.maps(
            image, patch_size=PATCH_SIZE, patch_stride=PATCH_STRIDE
        ),
        KERAS: lambda: _in_keras((upto_5, stock), image),
    }
    if is_installed("torch") and is_installed("captum"):
        contenders[CAPTUM] = _captum(model, image)
    return [
        Comparison(
            f"occlusion, zfnet, 224 pixels, {PLACES}x{PLACES} places",
            OURS,
            interleaved(contenders, repeats=4, warmup=1),
            {CAPTUM: 1.3, KERAS: 3.0},
            images=PLACES**2,
            note="captum draws one of the three maps.",
        )
    ]


def _in_keras(models, image):
    """All copies in NumPy, then `predict`, as tf-explain does; it has no overlap."""
    copies = np.repeat(image[None], PLACES**2, axis=0)
    for number, copy in enumerate(copies):
        top, left = np.array(divmod(number, PLACES)) * PATCH_STRIDE
        copy[top : top + PATCH_SIZE, left : left + PATCH_SIZE] = 0
    maps, answers = (m.predict(copies, batch_size=32, verbose=0) for m in models)
    maps = (maps[..., 0].sum((1, 2)), answers[:, 0], answers.argmax(1))
    return [part.reshape(PLACES, PLACES) for part in maps]


def _captum(model, image):
    import torch
    from captum.attr import Occlusion

    from benchmarks.torch_twin import as_torch, check_twins, torch_twin

    twin = torch_twin(model)
    check_twins(model, twin)
    method, inputs = Occlusion(twin), as_torch(image[None])

    def work(size, stride=PATCH_STRIDE):
        with torch.no_grad():
            return method.attribute(
                inputs,
                (3, PATCH_SIZE, PATCH_SIZE),
                strides=(3, stride, stride),
                target=0,
                perturbations_per_eval=size,
            )

    # Found on fewer places; the best one is then timed.
    tried = {
        size: functools.partial(work, size, 3 * PATCH_STRIDE) for size in CAPTUM_BATCHES
    }
    times = interleaved(tried, repeats=4, warmup=1)
    return functools.partial(work, min(times, key=lambda size: times[size].median))
