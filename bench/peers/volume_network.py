"""The 3-D Inception-ResNet (preset `table`) in plain PyTorch, as one would write it down from its table.

Convolution, batch norm and ReLU are separate modules; the global average of a block's input is expanded to the size of its
map and concatenated. Maps are padded as TensorFlow's SAME where their sizes are multiples of 8, as they have to be.
The keys of the parameters are those of this package.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Triple = tuple[int, int, int]


class Conv(nn.Module):
    """Convolution of stride 1 without bias, batch norm, ReLU."""

    def __init__(self, into: int, out: int, kernel: Triple | int = 1, dilation: int = 1):
        super().__init__()
        sizes = (kernel,) * 3 if isinstance(kernel, int) else kernel
        pads = tuple(dilation * (size - 1) // 2 for size in sizes)
        self.conv = nn.Conv3d(into, out, sizes, padding=pads, dilation=dilation, bias=False)
        self.bn = nn.BatchNorm3d(out, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Halving(nn.Module):
    """3×3×3 convolution of stride 2: SAME pads even sizes by one at the end alone."""

    def __init__(self, into: int, out: int):
        super().__init__()
        self.conv = nn.Conv3d(into, out, 3, stride=2, bias=False)
        self.bn = nn.BatchNorm3d(out, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(F.pad(x, (0, 1) * 3))), inplace=True)


def halving_pool() -> nn.Module:
    return nn.MaxPool3d(3, 2, ceil_mode=True)  # ceil_mode is SAME at even sizes


class Branches(nn.Module):
    """Branches that read the same input, concatenated along the channels."""

    def __init__(self, **branches: nn.Module):
        super().__init__()
        for name, branch in branches.items():
            self.add_module(name, branch)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.children()], 1)


class Pooled(nn.Sequential):
    """A branch that begins with an average pool, which has no place among its keys."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.avg_pool3d(x, 3, 1, padding=1, count_include_pad=False))


class Residual(nn.Module):
    """x + scale · mixed(branches(x), mean of x), and mostly ReLU."""

    def __init__(self, into: int, scale: float, activated: bool, width: int, **branches: nn.Module):
        super().__init__()
        self.scale = scale
        self.activated = activated
        self.names = list(branches)
        for name, branch in branches.items():
            self.add_module(name, branch)
        self.mixed = Conv(width + into, into)

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean((2, 3, 4), keepdim=True).expand_as(x)
        mixed = self.mixed(torch.cat([*(getattr(self, name)(x) for name in self.names), mean], 1))
        out = x + (mixed if self.scale == 1 else self.scale * mixed)
        return F.relu(out, inplace=True) if self.activated else out


def block_a() -> nn.Module:
    return Residual(
        320, 0.17, True, 128,
        b0=nn.Sequential(Conv(320, 32)),
        b1=nn.Sequential(Conv(320, 32), Conv(32, 32, 3)),
        b2=nn.Sequential(Conv(320, 32), Conv(32, 48, 3), Conv(48, 64, 3)),
    )  # fmt: skip


def block_b() -> nn.Module:
    lines = (Conv(64, 64, (1, 5, 1), 2), Conv(64, 64, (5, 1, 1), 2), Conv(64, 64, (1, 1, 5), 2))
    return Residual(832, 0.1, True, 128, b0=nn.Sequential(Conv(832, 64)), b1=nn.Sequential(Conv(832, 64), *lines))


def block_c(scale: float, activated: bool) -> nn.Module:
    lines = (Conv(1600, 64, (1, 3, 1), 3), Conv(64, 64, (1, 1, 3), 3), Conv(64, 64, (3, 1, 1), 3))
    return Residual(1600, scale, activated, 128, b0=nn.Sequential(Conv(1600, 64)), b1=nn.Sequential(*lines))


class Stem(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = Halving(1, 32)
        self.conv2 = Conv(32, 32, 3)
        self.conv3 = Conv(32, 64, 3)
        self.pool1 = halving_pool()
        self.conv4 = Conv(64, 80)
        self.conv5 = Conv(80, 192, 3)
        self.pool2 = halving_pool()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        c1 = self.conv3(self.conv2(self.conv1(x)))
        c2 = self.conv5(self.conv4(self.pool1(c1)))
        return c1, c2, self.pool2(c2)


class Decoder(nn.Module):
    def __init__(self, classes: int) -> None:
        super().__init__()
        self.reduce = nn.Conv3d(1600, 64, 1)
        for index in (1, 2, 3):
            self.add_module(f"deconv{index}", nn.ConvTranspose3d(64, 64, 2, stride=2))
        self.skip_c2 = nn.Conv3d(192, 64, 1)
        self.skip_c1 = nn.Conv3d(64, 64, 1)
        self.logits = nn.Conv3d(64, classes, 1)

    def forward(self, x: Tensor, c1: Tensor, c2: Tensor) -> Tensor:
        x = self.deconv1(self.reduce(x)) + self.skip_c2(c2)
        x = self.deconv2(x) + self.skip_c1(c1)
        return self.logits(self.deconv3(x))


class InceptionResNet3d(nn.Module):
    key = "inception_resnet_3d.table"
    channels = 1
    spatial_axes = 3

    def __init__(self, classes: int = 2) -> None:
        super().__init__()
        self.stem = Stem()
        self.reductionA = Branches(
            b0=nn.Sequential(Conv(192, 96)),
            b1=nn.Sequential(Conv(192, 48), Conv(48, 64, 5)),
            b2=nn.Sequential(Conv(192, 64), Conv(64, 96, 3), Conv(96, 96, 3)),
            b3=Pooled(Conv(192, 64)),
        )
        self.A0 = block_a()
        self.reductionB = Branches(
            b0=nn.Sequential(Conv(320, 256, 3, 2)),
            b1=nn.Sequential(Conv(320, 128), Conv(128, 128, 3, 2), Conv(128, 256, 3, 2)),
            b2=nn.MaxPool3d(3, 1, padding=1),
        )
        self.B0 = block_b()
        self.reductionC = Branches(
            b0=nn.Sequential(Conv(832, 128), Conv(128, 256, 3, 3)),
            b1=nn.Sequential(Conv(832, 128), Conv(128, 256, 3, 3)),
            b2=nn.Sequential(Conv(832, 128), Conv(128, 256, 3, 3), Conv(256, 256, 3, 3)),
            b3=nn.MaxPool3d(3, 1, padding=1),
        )
        self.C0 = block_c(0.2, True)
        self.Cfinal = block_c(1, False)
        self.up = Decoder(classes)

    def forward(self, x: Tensor) -> Tensor:
        c1, c2, x = self.stem(x)
        for block in (self.reductionA, self.A0, self.reductionB, self.B0, self.reductionC, self.C0, self.Cfinal):
            x = block(x)
        return self.up(x, c1, c2)
