"""A square over 22x22 places of a 224 pixel image: ours, captum, tf-explain's way."""

import functools

import keras
import numpy as np

from benchmarks.checks import check_answers
from benchmarks.comparison import Comparison, is_installed
from benchmarks.keras_twin import keras_twin
from benchmarks.precisions import CLOSENESS, compare, fast_policies, with_policy
from benchmarks.timing import find_fastest, interleaved
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
    """The full network with random weights, in each precision."""
    model = ZFNet(kernel_initializer="he_normal")
    image = np.random.default_rng(0).normal(0, 60, model.input_shape[1:])
    image = image.astype(np.float32)
    ours = _ours(model, image)()
    contenders = {
        (policy, name): draw
        for policy in fast_policies()
        for name, draw in _contenders(model, image, policy, ours).items()
    }
    return compare(
        interleaved(contenders, repeats=3, warmup=1),
        "occlusion",
        f"zfnet, 224 pixels, {PLACES}x{PLACES} places",
        OURS,
        {CAPTUM: 1.3, KERAS: 3.0},
        images=PLACES**2,
        note="captum draws one of the three maps.",
    )


def _contenders(model, image, policy, ours):
    """Name -> function that draws maps, the peers' after a look at what they draw."""
    work = (image, ours.channel, ours.label)
    twin = keras_twin(model, policy)
    upto_5 = keras.Model(twin.inputs, twin.get_layer("pool5").output)
    contenders = {
        OURS: _ours(with_policy(model, policy), *work),
        KERAS: lambda: _in_keras((upto_5, twin), *work),
    }
    activations, probabilities, _ = contenders[KERAS]()
    for found, wanted, before in (
        (activations, ours.activations, ours.activation),
        (probabilities, ours.probabilities, ours.probability),
    ):
        check_answers(KERAS, found - before, wanted - before, **CLOSENESS[policy])
    if is_installed("torch") and is_installed("captum"):
        contenders[CAPTUM] = _captum(model, image, ours.label, policy)
        lost = contenders[CAPTUM]()[0, 0].numpy()
        wanted = ours.probability - ours.probability_map
        check_answers(CAPTUM, lost, wanted, **CLOSENESS[policy])
    return contenders


def _ours(model, image, channel=None, label=None):
    occluder = SlidingOccluder(model, layer=5)
    return lambda: occluder.maps(
        image,
        patch_size=PATCH_SIZE,
        patch_stride=PATCH_STRIDE,
        channel=channel,
        label=label,
    )


def _in_keras(models, image, channel, label):
    """All copies in NumPy, then `predict`, as tf-explain does; it has no overlap."""
    copies = np.repeat(image[None], PLACES**2, axis=0)
    for number, copy in enumerate(copies):
        top, left = np.array(divmod(number, PLACES)) * PATCH_STRIDE
        copy[top : top + PATCH_SIZE, left : left + PATCH_SIZE] = 0
    maps, answers = (m.predict(copies, batch_size=32, verbose=0) for m in models)
    sums = maps[..., channel].astype(np.float32).sum((1, 2))
    drawn = (sums, answers[:, label], answers.argmax(1))
    return [part.reshape(PLACES, PLACES) for part in drawn]


def _captum(model, image, label, policy):
    """Returns how much probability is lost at each pixel, (1, 3, height, width)."""
    import torch
    from captum.attr import Occlusion

    from benchmarks.torch_twin import as_torch, autocast, torch_twin

    twin = torch.nn.Sequential(torch_twin(model, policy), torch.nn.Softmax(1))
    method, inputs = Occlusion(twin), as_torch(image[None])

    def work(size, stride=PATCH_STRIDE):
        with torch.no_grad(), autocast(policy):
            return method.attribute(
                inputs,
                (3, PATCH_SIZE, PATCH_SIZE),
                strides=(3, stride, stride),
                target=label,
                perturbations_per_eval=size,
            ).float()

    # Found on fewer places; the best one is then timed.
    size = find_fastest(
        {size: size for size in CAPTUM_BATCHES},
        lambda size: work(size, 3 * PATCH_STRIDE),
    )
    return functools.partial(work, size)
