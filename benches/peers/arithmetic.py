"""Counts the multiply-accumulates of a forward pass or a training step: directly, and with fast algorithms.

The direct count is that of `asap bench`. The fast count is the smallest known to work in float32:

- A 3x3 or 4x4 convolution at stride 1, and both its gradients, takes a quarter: Winograd's F(4x4, 3x3) and F(3x3, 4x4)
  need 36 products instead of 144. Their transforms, additions and products with constants, are not counted.
- Products with one-hot labels are look-ups and cost nothing: convolutions of ids, and the first layer of the MLPs, whose
  position terms come from tables too.
- Everything else is counted directly: 1x1 and strided convolutions, and the other layers of the MLPs.

Both leave out spectral norm, which is negligible. The fast count divided by the machine's measured peak is the
arithmetic limit.
"""

from typing import NamedTuple

# Channels of VGG19's convolutions; 0 is a 2x2 max pool.
VGG = 64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512, 512, 0, 512


class Count(NamedTuple):
    direct: float
    fast: float

    def __add__(self, other):
        return Count(self.direct + other.direct, self.fast + other.fast)

    def __mul__(self, times):
        return Count(self.direct * times, self.fast * times)


NONE = Count(0, 0)


def convolution(pixels, inputs, outputs, kernel, stride=1, labels=0):
    """For an output of `pixels` pixels; the first `labels` inputs are one-hot."""
    taps, dense = pixels * outputs * kernel**2, inputs - labels
    quarter = 4 if kernel in (3, 4) and stride == 1 else 1
    return Count(taps * (dense + (labels > 0)), taps * dense / quarter)


def generator(preset):
    """Forward passes of the first layer, all other layers and the MLPs; and the MLPs' backward pass."""
    g, pixels = preset.generator, preset.height * preset.width
    pre = g["tile"] // g["learned_factor"]
    area, strided = pixels // pre**2, g["learned_factor"].bit_length() - 1
    # Downsampled labels are fractions.
    labels = preset.classes if preset.labels and pre == 1 else 0
    first, others = convolution(area, preset.inputs, g["width"], 3, labels=labels), NONE
    width = g["width"]
    for n in range(strided + g["depth"]):
        wide = g["max_width"] if n + 1 >= strided else width
        stride = 2 if n < strided else 1
        area //= stride**2
        others += convolution(area, width, wide, 3, stride)
        width = wide
    positions = 4 * (g["tile"].bit_length() - 1)
    middle = [g["mlp_width"]] * (g["mlp_depth"] - 1) + [preset.outputs]
    seen, looked_up = preset.classes + positions, preset.classes - 1 if preset.labels else 0
    later = sum(a * b for a, b in zip(middle, middle[1:]))
    parameters = (seen + 1) * middle[0] + later + sum(middle[1:])
    others += convolution(area, width, parameters, 1)
    direct = pixels * ((seen - looked_up) * middle[0] + later)
    fast = pixels * (later + (0 if preset.labels else preset.classes * middle[0]))
    # asap recomputes the forward pass for the gradient; the limit counts only a layer's two gradients.
    return first, others, Count(direct, fast), Count(3 * direct, 2 * fast)


def discriminator(preset):
    """For one image: the first layers' forward passes, their gradients of the image, and all other layers."""
    d, dense = preset.discriminator, preset.outputs + preset.edges
    inputs, labels = preset.inputs + preset.outputs, preset.classes if preset.labels else 0
    if not preset.labels:
        dense = inputs
    first, image, others = NONE, NONE, NONE
    height, width = preset.height, preset.width
    for scale in range(d["scales"]):
        h, w, before, channels = height, width, inputs, d["width"]
        for n in range(d["layers"] + 1):
            last = n == d["layers"]
            stride = 2 if n + 1 < d["layers"] else 1
            h, w = h // stride + 1, w // stride + 1
            outputs = 1 if last else channels
            one = convolution(h * w, before, outputs, 4, stride, labels if n == scale == 0 else 0)
            if n > 0:
                others += one
            else:
                first += one
                needed = convolution(h * w, preset.outputs, outputs, 4, stride).fast
                direct = convolution(h * w, dense if scale == 0 else inputs, outputs, 4, stride).direct
                image += Count(direct, needed)
            before, channels = outputs, min(2 * channels, d["max_width"])
        height, width = (height - 1) // 2 + 1, (width - 1) // 2 + 1
    return first, image, others


def vgg(preset):
    """For one image, forward or backward."""
    count, channels, area = NONE, 3, preset.height * preset.width
    for outputs in VGG:
        if outputs:
            count += convolution(area, channels, outputs, 3)
            channels = outputs
        else:
            area //= 4
    return count


def count(preset, train):
    first, others, mlp, mlp_grad = generator(preset)
    if not train:
        return first + others + mlp
    # The image is generated twice. Every layer has a weight gradient, and all but the first an input gradient.
    total = (first + others + mlp) * 2 + first + others * 2 + mlp_grad
    # The discriminators see both images twice: first with a gradient for the generated image, then for their weights.
    first, image, others = discriminator(preset)
    total += (first + others) * 4 + image + others + (first + others * 2) * 2
    return total + vgg(preset) * (3 if preset.outputs == 3 else 0)
