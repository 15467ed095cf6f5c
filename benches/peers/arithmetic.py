"""How many multiply-accumulates a forward pass or a round of training takes: directly, and by fast algorithms.

The direct count is that of `asap bench`. The fast one is the least that is known to work in float32:

- A 3x3 or 4x4 convolution at stride 1, and both its gradients, takes a quarter: Winograd's F(4x4, 3x3) and F(3x3, 4x4)
  have 36 products where the direct way has 144. Their transforms, which are additions and products by constants, are
  not counted.
- What multiplies a label's one-hot form is looked up, and takes none: a convolution of ids, and the first layer of the
  MLPs, whose positions come from tables too.
- Everything else is taken as it is: 1x1 and strided convolutions, and the other layers of the MLPs.

The few of spectral norm are left out of both. Divided by the measured peak of the machine, the fast count gives the
arithmetic limit.
"""

from typing import NamedTuple

# Channels of VGG19's convolutions; 0 halves the picture.
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
    """Of an output of so many pixels; the first `labels` inputs are a one-hot form."""
    taps, dense = pixels * outputs * kernel**2, inputs - labels
    quarter = 4 if kernel in (3, 4) and stride == 1 else 1
    return Count(taps * (dense + (labels > 0)), taps * dense / quarter)


def generator(preset):
    """Forward passes: the first layer, all others, the MLPs; and the MLPs' backward pass."""
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
    least = pixels * (later + (0 if preset.labels else preset.classes * middle[0]))
    # Asap's count draws the picture once more for the gradient; what is needed are a layer's two gradients.
    return first, others, Count(direct, least), Count(3 * direct, 2 * least)


def discriminator(preset):
    """Of one picture: the first layers' forward passes, their gradients in the picture, and all other layers."""
    d, dense = preset.discriminator, preset.outputs + preset.edges
    inputs, labels = preset.inputs + preset.outputs, preset.classes if preset.labels else 0
    if not preset.labels:
        dense = inputs
    first, picture, others = NONE, NONE, NONE
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
                picture += Count(direct, needed)
            before, channels = outputs, min(2 * channels, d["max_width"])
        height, width = (height - 1) // 2 + 1, (width - 1) // 2 + 1
    return first, picture, others


def vgg(preset):
    """Of one picture, forwards or backwards."""
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
    # The picture is drawn twice. Each layer has a gradient in its weight and all but the first one in its input.
    total = (first + others + mlp) * 2 + first + others * 2 + mlp_grad
    # Both pictures are judged twice; first the drawn picture has a gradient, then the weights.
    first, picture, others = discriminator(preset)
    total += (first + others) * 4 + picture + others + (first + others * 2) * 2
    return total + vgg(preset) * (3 if preset.outputs == 3 else 0)
