"""Trains the small model that the package ships, and writes everything in examples/digits except its prose.

The network is GoogLeNet in torchvision's form (batch norm after every convolution, 3x3 kernels in the third
branch, ceil-mode pools, no auxiliary heads) with every convolution a quarter as wide, 10 classes, 64x64 input.
The data are the handwritten digits of scikit-learn (UCI "optical recognition of handwritten digits", CC BY 4.0).

    python3 train.py --out ../../examples/digits

Needs torch, scikit-learn and Pillow. One thread and fixed seeds: the same library builds on the same kind of
processor give the same bytes. README.md here says more.
"""

from __future__ import annotations

import argparse
import json
import math
import struct
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

SEED = 20240607
WIDTH = 0.25
IMAGE_SIZE = 64
PICTURE_SIZE = 128
TEST_COUNT = 360
PICTURES_PER_CLASS = 2
LABELS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]

EPOCHS = 40
BATCH = 32
PEAK_LEARNING_RATE = 0.05
WEIGHT_DECAY = 5e-4
MAX_ROTATION_DEGREES = 12.0
MAX_SCALE_CHANGE = 0.15
MAX_SHIFT = 0.12  # of half the picture: 0.12 * 32 = about 4 of 64 pixels


# --- the network, under torchvision's names -------------------------------------------------------------------


def scaled(channels: int) -> int:
    """Channels after the width multiplier: rounded half up, at least 1."""
    return max(1, math.floor(WIDTH * channels + 0.5))


class BasicConv2d(nn.Module):
    """Convolution without bias, batch norm, ReLU. `out_channels` is the full-width number."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        width = scaled(out_channels)
        self.conv = nn.Conv2d(in_channels, width, kernel, stride=stride, padding=(kernel - 1) // 2, bias=False)
        self.bn = nn.BatchNorm2d(width, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    """Four parallel branches, concatenated: 1x1, 1x1 -> 3x3, 1x1 -> 3x3, max pool -> 1x1."""

    def __init__(self, in_channels: int, c1: int, r3: int, c3: int, r5: int, c5: int, pool: int) -> None:
        super().__init__()
        self.branch1 = BasicConv2d(in_channels, c1, 1)
        self.branch2 = nn.Sequential(BasicConv2d(in_channels, r3, 1), BasicConv2d(scaled(r3), c3, 3))
        self.branch3 = nn.Sequential(BasicConv2d(in_channels, r5, 1), BasicConv2d(scaled(r5), c5, 3))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, padding=1, ceil_mode=True), BasicConv2d(in_channels, pool, 1))
        self.out_channels = scaled(c1) + scaled(c3) + scaled(c5) + scaled(pool)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], dim=1)


# Name, then c1, r3, c3, r5, c5, pool projection of the full-width network.
MODULES = [
    ("3a", 64, 96, 128, 16, 32, 32),
    ("3b", 128, 128, 192, 32, 96, 64),
    ("4a", 192, 96, 208, 16, 48, 64),
    ("4b", 160, 112, 224, 24, 64, 64),
    ("4c", 128, 128, 256, 24, 64, 64),
    ("4d", 112, 144, 288, 32, 64, 64),
    ("4e", 256, 160, 320, 32, 128, 128),
    ("5a", 256, 160, 320, 32, 128, 128),
    ("5b", 384, 192, 384, 48, 128, 128),
]


class GoogLeNet(nn.Module):
    """The map is 64 -> 32 -> 16 -> 8 (3a, 3b) -> 4 (4a-4e) -> 2 (5a, 5b) -> 1 pixels wide."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = BasicConv2d(3, 64, 7, stride=2)
        self.maxpool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2 = BasicConv2d(scaled(64), 64, 1)
        self.conv3 = BasicConv2d(scaled(64), 192, 3)
        self.maxpool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.maxpool3 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.maxpool4 = nn.MaxPool2d(2, 2, ceil_mode=True)
        channels = scaled(192)
        for name, *widths in MODULES:
            module = Inception(channels, *widths)
            setattr(self, f"inception{name}", module)
            channels = module.out_channels
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(channels, len(LABELS))

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool1(self.conv1(x))
        x = self.maxpool2(self.conv3(self.conv2(x)))
        x = self.maxpool3(self.inception3b(self.inception3a(x)))
        for name in ("4a", "4b", "4c", "4d", "4e"):
            x = getattr(self, f"inception{name}")(x)
        x = self.inception5b(self.inception5a(self.maxpool4(x)))
        return self.fc(self.dropout(x.mean(dim=(2, 3))))


def initialize(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)


# --- the data ---------------------------------------------------------------------------------------------------


def gray_digits() -> tuple[np.ndarray, np.ndarray]:
    """All digits as uint8 [1797, 8, 8], 0 = paper and 255 = full ink, and their classes."""
    digits = load_digits()
    gray = np.floor(digits.images * 255.0 / 16.0 + 0.5).astype(np.uint8)
    return gray, digits.target.astype(np.int64)


def enlarge(gray: np.ndarray, size: int) -> np.ndarray:
    pictures = [Image.fromarray(digit).resize((size, size), Image.BILINEAR) for digit in gray]
    return np.stack([np.asarray(picture) for picture in pictures])


def to_input(gray: Tensor) -> Tensor:
    """Gray levels 0-255 [N, size, size] to the network's input [N, 3, size, size] in -1..1."""
    return ((gray - 127.5) / 127.5).unsqueeze(1).expand(-1, 3, -1, -1)


def augment(gray: Tensor, random: np.random.Generator) -> Tensor:
    """Rotates, scales and shifts each picture by its own small random amounts; what enters is paper."""
    count = len(gray)
    angle = np.radians(random.uniform(-MAX_ROTATION_DEGREES, MAX_ROTATION_DEGREES, count))
    scale = 1.0 / random.uniform(1 - MAX_SCALE_CHANGE, 1 + MAX_SCALE_CHANGE, count)
    shift = random.uniform(-MAX_SHIFT, MAX_SHIFT, (count, 2))
    theta = np.zeros((count, 2, 3))
    theta[:, 0, 0] = theta[:, 1, 1] = np.cos(angle) * scale
    theta[:, 1, 0] = np.sin(angle) * scale
    theta[:, 0, 1] = -theta[:, 1, 0]
    theta[:, :, 2] = shift
    images = gray.unsqueeze(1)
    grid = F.affine_grid(torch.from_numpy(theta).float(), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False).squeeze(1)


# --- training and measuring ---------------------------------------------------------------------------------------


def train(gray: Tensor, classes: Tensor) -> GoogLeNet:
    """SGD with Nesterov momentum; the learning rate warms up for 5 % of the steps, then falls along a cosine.

    The last state is the result: nothing is chosen by looking at held-out data.
    """
    torch.manual_seed(SEED)
    random = np.random.default_rng(SEED)
    network = GoogLeNet()
    initialize(network)
    decayed = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=PEAK_LEARNING_RATE, momentum=0.9, nesterov=True)
    steps_per_epoch = len(gray) // BATCH
    total = EPOCHS * steps_per_epoch

    def factor(step: int) -> float:
        warm = 0.05 * total
        return (step + 1) / warm if step < warm else 0.5 * (1 + math.cos(math.pi * (step - warm) / (total - warm)))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    for epoch in range(EPOCHS):
        started = time.time()
        order = random.permutation(len(gray))
        losses = []
        for step in range(steps_per_epoch):
            chosen = torch.from_numpy(order[step * BATCH : (step + 1) * BATCH])
            logits = network(to_input(augment(gray[chosen], random)))
            loss = F.cross_entropy(logits, classes[chosen], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1}/{EPOCHS}: loss {np.mean(losses):.4f}, {time.time() - started:.1f} s", flush=True)
    return network.eval()


@torch.no_grad()
def predict(network: GoogLeNet, gray: np.ndarray) -> np.ndarray:
    """Logits [N, 10] in float32."""
    return network(to_input(torch.tensor(gray, dtype=torch.float32))).numpy()


# --- writing --------------------------------------------------------------------------------------------------------


def saved_tensors(network: GoogLeNet) -> dict[str, np.ndarray]:
    """Weights and running statistics, rounded to float16."""
    state = network.state_dict()
    return {k: v.numpy().astype(np.float16) for k, v in state.items() if not k.endswith("num_batches_tracked")}


def use_saved(network: GoogLeNet, tensors: dict[str, np.ndarray]) -> None:
    """Puts the rounded values back, so that everything measured afterwards is true of the file."""
    rounded = {k: torch.from_numpy(v.astype(np.float32)) for k, v in tensors.items()}
    report = network.load_state_dict(rounded, strict=False)
    assert not report.unexpected_keys and all(k.endswith("num_batches_tracked") for k in report.missing_keys)


def write_safetensors(path: Path, tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
    """Length of the header (8 bytes, little-endian), the header as JSON padded to 8 bytes, the values."""
    header: dict[str, object] = {"__metadata__": metadata}
    offset = 0
    for name, values in tensors.items():
        header[name] = {"dtype": "F16", "shape": list(values.shape), "data_offsets": [offset, offset + values.nbytes]}
        offset += values.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    values = b"".join(v.astype("<f2").tobytes() for v in tensors.values())
    path.write_bytes(struct.pack("<Q", len(text)) + text + values)


def softmax(logits: np.ndarray) -> np.ndarray:
    shifted = np.exp(logits.astype(np.float64) - logits.max())
    return shifted / shifted.sum()


def write_pictures(out: Path, network: GoogLeNet, gray: np.ndarray, classes: np.ndarray) -> list[dict[str, object]]:
    """The first two held-out digits of each class as PNG, and what the network says of the decoded files."""
    (out / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for digit in range(len(LABELS)):
        for copy, position in enumerate(np.flatnonzero(classes == digit)[:PICTURES_PER_CLASS]):
            path = out / "images" / f"{digit}-{'ab'[copy]}.png"
            Image.fromarray(enlarge(gray[position : position + 1], PICTURE_SIZE)[0]).save(path, optimize=True)
            decoded = Image.open(path).convert("RGB").resize((IMAGE_SIZE, IMAGE_SIZE), Image.BILINEAR)
            logits = predict(network, np.asarray(decoded)[None, :, :, 0])[0]
            best = int(logits.argmax())
            rows.append(
                {
                    "file": f"images/{path.name}",
                    "truth": digit,
                    "index": best,
                    "label": LABELS[best],
                    "probability": round(float(softmax(logits)[best]), 6),
                    "logits": [round(float(value), 5) for value in logits],
                }
            )
    return rows


def expected_json(rows: list[dict[str, object]]) -> str:
    """One row a line, so that a change shows as the rows that changed."""
    about = (
        "What a float32 run of googlenet-digits.safetensors gives: file decoded to RGB, resized to 64x64 "
        "(Pillow bilinear), (x - 127.5) / 127.5, network, softmax. truth is the digit that was written."
    )
    lines = ",\n".join(f"    {json.dumps(row)}" for row in rows)
    return f'{{\n  "about": {json.dumps(about)},\n  "images": [\n{lines}\n  ]\n}}\n'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)

    # The set keeps each writer's digits together, so the end of it is mostly by hands not seen in training.
    gray, classes = gray_digits()
    large = enlarge(gray, IMAGE_SIZE)
    test_gray, test_large, test_classes = gray[-TEST_COUNT:], large[-TEST_COUNT:], classes[-TEST_COUNT:]
    started = time.time()
    network = train(torch.from_numpy(large[:-TEST_COUNT]).float(), torch.from_numpy(classes[:-TEST_COUNT]))
    print(f"trained in {time.time() - started:.0f} s")

    before = predict(network, test_large)
    tensors = saved_tensors(network)
    use_saved(network, tensors)
    after = predict(network, test_large)
    right = after.argmax(1) == test_classes
    print(f"parameters: {sum(p.numel() for p in network.parameters())}")
    print(f"test, float32 weights: {(before.argmax(1) == test_classes).mean():.4f}")
    print(f"test, saved weights: {right.mean():.4f} ({right.sum()} of {len(right)})")
    print(f"largest change of a logit by rounding: {np.abs(after - before).max():.4f}")
    for position in np.flatnonzero(~right):
        print(f"  wrong: number {len(gray) - TEST_COUNT + position}, a {test_classes[position]} read as {after[position].argmax()}")

    metadata = {
        "format": "pt",
        "description": "GoogLeNet (torchvision form), width 0.25, 64x64 RGB, 10 classes: handwritten digits zero to nine",
        "licence": "Apache-2.0 (weights); trained on UCI optical recognition of handwritten digits, CC BY 4.0",
        "test_accuracy": f"{right.mean():.4f} on {TEST_COUNT} held-out digits",
    }
    write_safetensors(out / "googlenet-digits.safetensors", tensors, metadata)
    (out / "labels.json").write_text(json.dumps(LABELS) + "\n")
    rows = write_pictures(out, network, test_gray, test_classes)
    (out / "expected.json").write_text(expected_json(rows))
    print(f"pictures read as written: {sum(row['truth'] == row['index'] for row in rows)} of {len(rows)}")


if __name__ == "__main__":
    main()
