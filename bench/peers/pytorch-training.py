"""Benchmark program: a whole training step in PyTorch eager: forward, loss, backward, SGD with momentum.

The networks are those of pytorch.py, in training mode: batch statistics, running statistics updated, float32. Dropout is
left out, so that another program can compute the very same losses. Speaks the protocol of bench/README.md; differences:

    load    also takes "classes" (default 1000, of voxels 2) and "learningRate" (default 0.001); "firstMs" is the first training step
    run     is one training step
    check   also gives "losses": the losses of the first steps since loading; the logits are those of the first step

Momentum is 0.9 without dampening or weight decay. The loss of images is cross entropy, that of volumes cross entropy plus the
Dice loss. Image i of a batch, or voxel i, has the label 7 i modulo the classes.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

sys.dont_write_bytecode = True  # the import of a neighbor would leave a cache folder beside the sources
from pytorch import Conv, GoogLeNet, InceptionResNetV2, Parallel, Residual, checked, fill, memory, model_input, reply
from volume_network import InceptionResNet3d

CHECKED_LOSSES = 8


# --- Inception-ResNet-v1, facenet-pytorch's form ------------------------------------------------------------------


def block_a() -> nn.Module:
    return Residual(
        256, 0.17, True, 96,
        branch0=Conv(256, 32),
        branch1=nn.Sequential(Conv(256, 32), Conv(32, 32, (3, 3))),
        branch2=nn.Sequential(Conv(256, 32), Conv(32, 32, (3, 3)), Conv(32, 32, (3, 3))),
    )  # fmt: skip


def block_b() -> nn.Module:
    return Residual(
        896, 0.10, True, 256,
        branch0=Conv(896, 128),
        branch1=nn.Sequential(Conv(896, 128), Conv(128, 128, (1, 7)), Conv(128, 128, (7, 1))),
    )  # fmt: skip


def block_c(scale: float, activation: bool) -> nn.Module:
    return Residual(
        1792, scale, activation, 384,
        branch0=Conv(1792, 192),
        branch1=nn.Sequential(Conv(1792, 192), Conv(192, 192, (1, 3)), Conv(192, 192, (3, 1))),
    )  # fmt: skip


class InceptionResNetV1(nn.Module):
    """The keys of the parameters are facenet-pytorch's; the classifier stands on the embedding before it is normalized."""

    key = "facenet.inception_resnet_v1"

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv2d_1a = Conv(3, 32, (3, 3), 2, "valid")
        self.conv2d_2a = Conv(32, 32, (3, 3), 1, "valid")
        self.conv2d_2b = Conv(32, 64, (3, 3))
        self.maxpool_3a = nn.MaxPool2d(3, 2)
        self.conv2d_3b = Conv(64, 80)
        self.conv2d_4a = Conv(80, 192, (3, 3), 1, "valid")
        self.conv2d_4b = Conv(192, 256, (3, 3), 2, "valid")
        self.repeat_1 = nn.Sequential(*[block_a() for _ in range(5)])
        self.mixed_6a = Parallel(
            branch0=Conv(256, 384, (3, 3), 2, "valid"),
            branch1=nn.Sequential(Conv(256, 192), Conv(192, 192, (3, 3)), Conv(192, 256, (3, 3), 2, "valid")),
            branch2=nn.MaxPool2d(3, 2),
        )
        self.repeat_2 = nn.Sequential(*[block_b() for _ in range(10)])
        self.mixed_7a = Parallel(
            branch0=nn.Sequential(Conv(896, 256), Conv(256, 384, (3, 3), 2, "valid")),
            branch1=nn.Sequential(Conv(896, 256), Conv(256, 256, (3, 3), 2, "valid")),
            branch2=nn.Sequential(Conv(896, 256), Conv(256, 256, (3, 3)), Conv(256, 256, (3, 3), 2, "valid")),
            branch3=nn.MaxPool2d(3, 2),
        )
        self.repeat_3 = nn.Sequential(*[block_c(0.20, True) for _ in range(5)])
        self.block8 = block_c(1.0, False)
        self.avgpool_1a = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.last_linear = nn.Linear(1792, 512, bias=False)
        self.last_bn = nn.BatchNorm1d(512, eps=1e-3)
        self.logits = nn.Linear(512, classes)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            x = layer(x)
        return x


# --- the two other networks, with their classifiers for any number of classes ------------------------------------


def googlenet(classes: int) -> nn.Module:
    network = GoogLeNet()
    network.dropout = nn.Identity()
    network.fc = nn.Linear(network.fc.in_features, classes)
    return network


def inception_resnet_v2(classes: int) -> nn.Module:
    network = InceptionResNetV2()
    network.classif = nn.Linear(network.classif.in_features, classes)
    return network


def dice_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """monai.losses.DiceCELoss with softmax and one-hot labels, the background counted."""
    p = logits.softmax(1)
    q = F.one_hot(labels, logits.shape[1]).movedim(-1, 1).to(p.dtype)
    axes = tuple(range(2, p.ndim))
    dice = (2 * (p * q).sum(axes) + 1e-5) / (p.sum(axes) + q.sum(axes) + 1e-5)
    return 1 - dice.mean() + F.cross_entropy(logits, labels)


class Case:
    """How a network is built and judged, and the classes, size and batch it is trained with where the command does not say."""

    def __init__(
        self,
        create: Callable[[int], nn.Module],
        size: int,
        batch: int,
        classes: int = 1000,
        loss: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy,
    ) -> None:
        self.create = create
        self.size = size
        self.batch = batch
        self.classes = classes
        self.loss = loss


CASES = {
    "inception_resnet_v1": Case(InceptionResNetV1, 160, 8),
    "googlenet": Case(googlenet, 224, 8),
    "inception_resnet_v2": Case(inception_resnet_v2, 299, 4),
    "inception_resnet_3d": Case(InceptionResNet3d, 64, 1, 2, dice_cross_entropy),
}


# --- the program --------------------------------------------------------------------------------------------------


class Training:
    """One network with its optimizer, its batch and what is kept of its first steps."""

    def __init__(self, command: dict) -> None:
        case = CASES.get(command.get("model", ""))
        if case is None:
            raise ValueError(f'Cannot load model "{command.get("model")}": expected one of {", ".join(CASES)}')
        classes = command.get("classes", case.classes)
        batch = command.get("batch", case.batch)
        self.network = case.create(classes).train()
        with torch.no_grad():
            fill(self.network)
        self.input = model_input(self.network, batch, command.get("size", case.size))
        labeled = (batch, *self.input.shape[2:]) if self.input.ndim == 5 else (batch,)
        self.labels = (torch.arange(int(np.prod(labeled))) * 7 % classes).view(labeled)
        self.loss = case.loss
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=command.get("learningRate", 0.001), momentum=0.9)
        self.losses: list[float] = []
        self.logits: list[float] = []

    def step(self) -> float:
        """Milliseconds of one training step."""
        started = time.perf_counter()
        self.optimizer.zero_grad(set_to_none=True)
        logits = self.network(self.input)
        loss = self.loss(logits, self.labels)
        loss.backward()
        self.optimizer.step()
        milliseconds = (time.perf_counter() - started) * 1e3
        if not self.losses:
            self.logits = checked(logits)
        if len(self.losses) < CHECKED_LOSSES:
            self.losses.append(loss.item())
        return milliseconds


class Program:
    def __init__(self) -> None:
        self.training: Training | None = None

    def load(self, command: dict) -> dict:
        self.training = None  # frees what was loaded before the next network takes memory
        started = time.perf_counter()
        torch.set_num_threads(command.get("threads", 2))
        self.training = Training(command)
        ms = (time.perf_counter() - started) * 1e3
        return {
            "ms": ms,
            "firstMs": self.training.step(),
            "params": sum(p.numel() for p in self.training.network.parameters()),
            "threads": torch.get_num_threads(),
        }

    def loaded(self) -> Training:
        if self.training is None:
            raise ValueError('Cannot run: no network is loaded, send "load" first')
        return self.training

    def answer(self, command: dict) -> dict:
        op = command.get("op")
        if op == "load":
            return self.load(command)
        if op == "run":
            return {"ms": self.loaded().step()}
        if op == "check":
            return {"logits": self.loaded().logits, "losses": self.loaded().losses}
        if op == "rss":
            return memory()
        raise ValueError(f'Cannot answer op "{op}": expected load, run, check, rss or quit')


def main() -> None:
    program = Program()
    reply({"ok": True, "name": "pytorch", "version": torch.__version__})
    for line in sys.stdin:
        if not line.strip():
            continue
        try:
            command = json.loads(line)
            if command.get("op") == "quit":
                reply({"ok": True})
                return
            reply({"ok": True, **program.answer(command)})
        except Exception as error:  # a reply, whatever it was: the driver decides what to do
            reply({"ok": False, "error": " ".join(str(error).split())})


if __name__ == "__main__":
    main()
