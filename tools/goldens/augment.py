"""Checksums of the ops of TrivialAugment and RandAugment by Pillow: test/goldens/ops/pil_augment.json.

Each op is the Pillow call that torchvision's transforms make for a PIL image (`_apply_op` in
torchvision/transforms/autoaugment.py): nearest neighbor, black where nothing was.

    /usr/bin/python3 tools/goldens/augment.py > test/goldens/ops/pil_augment.json
"""
import json
import sys
import zlib

import PIL
from PIL import Image, ImageEnhance, ImageOps


def pixels(width, height, value):
    return Image.frombytes("RGB", (width, height), bytes(value(x, y, c) for y in range(height) for x in range(width) for c in range(3)))


def formula(x, y, c):
    return (x * 7 + y * 13 + c * 50 + (x * y % 31) * 3) % 256


IMAGES = {
    "odd": pixels(37, 29, formula),
    "square": pixels(32, 32, formula),
    "dim": pixels(24, 17, lambda x, y, c: formula(x, y, c) // 5 + 60 + 20 * c),
    # Few values: a step of equalize that is 0, and one that leaves a table beyond 255.
    "steps": pixels(23, 23, lambda x, y, c: 40 if x == 0 and y < 19 else 200 if c == 0 else 90 + x // 20),
    "flat": pixels(9, 5, lambda x, y, c: 77),
    "strip": pixels(2, 7, formula),
}


def affine(image, matrix):
    return image.transform(image.size, Image.AFFINE, matrix, Image.NEAREST, fillcolor=None)


OPS = {
    "shearX": lambda image, m: affine(image, (1, m, 0, 0, 1, 0)),
    "shearY": lambda image, m: affine(image, (1, 0, 0, m, 1, 0)),
    "translateX": lambda image, m: affine(image, (1, 0, -int(m), 0, 1, 0)),
    "translateY": lambda image, m: affine(image, (1, 0, 0, 0, 1, -int(m))),
    "rotate": lambda image, m: image.rotate(m, Image.NEAREST),
    "brightness": lambda image, m: ImageEnhance.Brightness(image).enhance(1 + m),
    "color": lambda image, m: ImageEnhance.Color(image).enhance(1 + m),
    "contrast": lambda image, m: ImageEnhance.Contrast(image).enhance(1 + m),
    "sharpness": lambda image, m: ImageEnhance.Sharpness(image).enhance(1 + m),
    "posterize": lambda image, m: ImageOps.posterize(image, int(m)),
    "solarize": lambda image, m: ImageOps.solarize(image, m),
    "autoContrast": lambda image, m: ImageOps.autocontrast(image),
    "equalize": lambda image, m: ImageOps.equalize(image),
}


def both(top):
    values = [top * i / 30 for i in range(31)]
    return values + [-value for value in values[1:]]


MAGNITUDES = {
    "shearX": both(0.99) + both(0.3),
    "shearY": both(0.99) + both(0.3),
    "translateX": both(32) + both(150 / 331 * 37),
    "translateY": both(32) + both(150 / 331 * 29),
    "rotate": both(135) + both(30),
    "brightness": both(0.99) + both(0.9),
    "color": both(0.99) + both(0.9),
    "contrast": both(0.99) + both(0.9),
    "sharpness": both(0.99) + both(0.9),
    "posterize": list(range(2, 9)),
    "solarize": [255 - 8.5 * i for i in range(31)],
    "autoContrast": [0],
    "equalize": [0],
}

cases = {
    op: [
        {"magnitude": magnitude, **{name: zlib.crc32(OPS[op](image, magnitude).tobytes()) for name, image in IMAGES.items()}}
        for magnitude in dict.fromkeys(magnitudes)
    ]
    for op, magnitudes in MAGNITUDES.items()
}
first = {name: {"width": image.width, "height": image.height, "crc": zlib.crc32(image.tobytes())} for name, image in IMAGES.items()}
out = {"source": f"Pillow {PIL.__version__}, by tools/goldens/augment.py", "images": first}
sys.stdout.write("{\n")
for key, value in out.items():
    sys.stdout.write(f"{json.dumps(key)}: {json.dumps(value)},\n")
lines = []
for op, items in cases.items():
    rows = ",\n".join(json.dumps(list(item.values())) for item in items)
    lines.append(f"{json.dumps(op)}: [\n{rows}\n]")
sys.stdout.write('"columns": ' + json.dumps(["magnitude", *IMAGES]) + ',\n"ops": {\n' + ",\n".join(lines) + "\n}\n}\n")
