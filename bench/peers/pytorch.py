"""Benchmark program: the networks in plain PyTorch, those for images written as torchvision and timm write them.

Convolution, batch norm and ReLU are separate modules, eval mode, no gradients, float32. Speaks the protocol of
bench/README.md on stdin and stdout. "form" of the load command chooses how the same network is run:

    eager           as a user of torchvision or timm runs it (the default, and the one compared)
    channels_last   the same with the channels-last memory format
    frozen          traced and frozen, which folds the batch norms into the convolutions
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

sys.dont_write_bytecode = True  # the import of a neighbor would leave a cache folder beside the sources
from volume_network import InceptionResNet3d

CHECKED_LOGITS = 32


# --- weights and inputs from the formula of the golden files (the same as fill.ts) -----------------------------


def fnv1a32(name: str) -> int:
    value = 0x811C9DC5
    for byte in name.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def draws(key: str, count: int) -> np.ndarray:
    """`count` values in -1..1, float64: mulberry32 seeded with the hash of the name."""
    state = np.arange(1, count + 1, dtype=np.uint32) * np.uint32(0x6D2B79F5) + np.uint32(fnv1a32(key))
    t = (state ^ (state >> np.uint32(15))) * (state | np.uint32(1))
    t ^= t + (t ^ (t >> np.uint32(7))) * (t | np.uint32(61))
    return (t ^ (t >> np.uint32(14))).astype(np.float64) / 2147483648.0 - 1.0


def fill(network: nn.Module) -> None:
    for key, tensor in network.state_dict().items():
        if key.endswith("num_batches_tracked"):
            continue
        s = draws(key, tensor.numel())
        if key.endswith(".weight") and tensor.ndim > 1:
            s *= 0.95 * np.sqrt(6.0 / (tensor.numel() // tensor.shape[0]))
        elif key.endswith(".weight"):
            s = 1 + 0.2 * s
        elif key.endswith(".running_var"):
            s = 1 + 0.5 * s
        else:
            s *= 0.1
        tensor.copy_(torch.from_numpy(s.astype(np.float32)).view(tensor.shape))


def model_input(network: nn.Module, batch: int, size: int) -> Tensor:
    """Images [batch, 3, size, size], or what the network says of its channels and axes."""
    shape = (batch, getattr(network, "channels", 3), *(size,) * getattr(network, "spatial_axes", 2))
    values = draws(f"input:{network.key}:{'x'.join(map(str, shape))}", int(np.prod(shape)))
    return torch.from_numpy(values.astype(np.float32)).view(shape)


def checked(logits: Tensor) -> list[float]:
    """The first logits of the first image, or of a volume as many that lie evenly far apart."""
    first = logits[0].flatten()
    step = 1 if logits.ndim == 2 else first.numel() // (CHECKED_LOGITS + 1)
    return first[::step][:CHECKED_LOGITS].tolist()


# --- layers -----------------------------------------------------------------------------------------------------


class Conv(nn.Module):
    """Convolution without bias, batch norm, ReLU. `padding` is "same" (stride 1, or half the kernel) or "valid"."""

    def __init__(self, into: int, out: int, kernel: tuple[int, int] = (1, 1), stride: int = 1, padding: str = "same"):
        super().__init__()
        pads = (kernel[0] // 2, kernel[1] // 2) if padding == "same" else (0, 0)
        self.conv = nn.Conv2d(into, out, kernel, stride=stride, padding=pads, bias=False)
        self.bn = nn.BatchNorm2d(out, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Parallel(nn.Module):
    """Branches that read the same input, concatenated along the channels. Their names are their keyword names."""

    def __init__(self, **branches: nn.Module):
        super().__init__()
        for name, branch in branches.items():
            self.add_module(name, branch)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.children()], 1)


class Residual(nn.Module):
    """x + scale * projection(branches), then ReLU."""

    def __init__(self, into: int, scale: float, activation: bool, width: int, **branches: nn.Module):
        super().__init__()
        self.scale = scale
        self.activation = activation
        self.names = list(branches)
        for name, branch in branches.items():
            self.add_module(name, branch)
        self.conv2d = nn.Conv2d(width, into, 1)

    def forward(self, x: Tensor) -> Tensor:
        branches = torch.cat([getattr(self, name)(x) for name in self.names], 1)
        out = self.conv2d(branches) * self.scale + x
        return F.relu(out, inplace=True) if self.activation else out


# --- GoogLeNet, torchvision's form --------------------------------------------------------------------------------


def googlenet_module(into: int, c1: int, r3: int, c3: int, r5: int, c5: int, pool: int) -> nn.Module:
    return Parallel(
        branch1=Conv(into, c1),
        branch2=nn.Sequential(Conv(into, r3), Conv(r3, c3, (3, 3))),
        branch3=nn.Sequential(Conv(into, r5), Conv(r5, c5, (3, 3))),
        branch4=nn.Sequential(nn.MaxPool2d(3, 1, padding=1, ceil_mode=True), Conv(into, pool)),
    )


class GoogLeNet(nn.Module):
    key = "torchvision.googlenet"

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = Conv(3, 64, (7, 7), stride=2)
        self.maxpool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2 = Conv(64, 64)
        self.conv3 = Conv(64, 192, (3, 3))
        self.maxpool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.inception3a = googlenet_module(192, 64, 96, 128, 16, 32, 32)
        self.inception3b = googlenet_module(256, 128, 128, 192, 32, 96, 64)
        self.maxpool3 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.inception4a = googlenet_module(480, 192, 96, 208, 16, 48, 64)
        self.inception4b = googlenet_module(512, 160, 112, 224, 24, 64, 64)
        self.inception4c = googlenet_module(512, 128, 128, 256, 24, 64, 64)
        self.inception4d = googlenet_module(512, 112, 144, 288, 32, 64, 64)
        self.inception4e = googlenet_module(528, 256, 160, 320, 32, 128, 128)
        self.maxpool4 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.inception5a = googlenet_module(832, 256, 160, 320, 32, 128, 128)
        self.inception5b = googlenet_module(832, 384, 192, 384, 48, 128, 128)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(1024, 1000)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            x = layer(x)
        return x


# --- Inception-ResNet-v2, timm's form -----------------------------------------------------------------------------


def block_a() -> nn.Module:
    return Residual(
        320, 0.17, True, 128,
        branch0=Conv(320, 32),
        branch1=nn.Sequential(Conv(320, 32), Conv(32, 32, (3, 3))),
        branch2=nn.Sequential(Conv(320, 32), Conv(32, 48, (3, 3)), Conv(48, 64, (3, 3))),
    )  # fmt: skip


def block_b() -> nn.Module:
    return Residual(
        1088, 0.10, True, 384,
        branch0=Conv(1088, 192),
        branch1=nn.Sequential(Conv(1088, 128), Conv(128, 160, (1, 7)), Conv(160, 192, (7, 1))),
    )  # fmt: skip


def block_c(scale: float, activation: bool) -> nn.Module:
    return Residual(
        2080, scale, activation, 448,
        branch0=Conv(2080, 192),
        branch1=nn.Sequential(Conv(2080, 192), Conv(192, 224, (1, 3)), Conv(224, 256, (3, 1))),
    )  # fmt: skip


class InceptionResNetV2(nn.Module):
    key = "timm.inception_resnet_v2"

    def __init__(self) -> None:
        super().__init__()
        self.conv2d_1a = Conv(3, 32, (3, 3), 2, "valid")
        self.conv2d_2a = Conv(32, 32, (3, 3), 1, "valid")
        self.conv2d_2b = Conv(32, 64, (3, 3))
        self.maxpool_3a = nn.MaxPool2d(3, 2)
        self.conv2d_3b = Conv(64, 80)
        self.conv2d_4a = Conv(80, 192, (3, 3), 1, "valid")
        self.maxpool_5a = nn.MaxPool2d(3, 2)
        self.mixed_5b = Parallel(
            branch0=Conv(192, 96),
            branch1=nn.Sequential(Conv(192, 48), Conv(48, 64, (5, 5))),
            branch2=nn.Sequential(Conv(192, 64), Conv(64, 96, (3, 3)), Conv(96, 96, (3, 3))),
            branch3=nn.Sequential(nn.AvgPool2d(3, 1, padding=1, count_include_pad=False), Conv(192, 64)),
        )
        self.repeat = nn.Sequential(*[block_a() for _ in range(10)])
        self.mixed_6a = Parallel(
            branch0=Conv(320, 384, (3, 3), 2, "valid"),
            branch1=nn.Sequential(Conv(320, 256), Conv(256, 256, (3, 3)), Conv(256, 384, (3, 3), 2, "valid")),
            branch2=nn.MaxPool2d(3, 2),
        )
        self.repeat_1 = nn.Sequential(*[block_b() for _ in range(20)])
        self.mixed_7a = Parallel(
            branch0=nn.Sequential(Conv(1088, 256), Conv(256, 384, (3, 3), 2, "valid")),
            branch1=nn.Sequential(Conv(1088, 256), Conv(256, 288, (3, 3), 2, "valid")),
            branch2=nn.Sequential(Conv(1088, 256), Conv(256, 288, (3, 3)), Conv(288, 320, (3, 3), 2, "valid")),
            branch3=nn.MaxPool2d(3, 2),
        )
        self.repeat_2 = nn.Sequential(*[block_c(0.20, True) for _ in range(9)])
        self.block8 = block_c(1.0, False)
        self.conv2d_7b = Conv(2080, 1536)
        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.classif = nn.Linear(1536, 1000)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            x = layer(x)
        return x


# --- the program --------------------------------------------------------------------------------------------------


class Program:
    def __init__(self) -> None:
        self.network: nn.Module | None = None
        self.input: Tensor | None = None

    def load(self, command: dict) -> dict:
        started = time.perf_counter()
        torch.set_num_threads(command.get("threads", 2))
        models = {
            "inception_resnet_v2": (InceptionResNetV2, 299),
            "googlenet": (GoogLeNet, 224),
            "inception_resnet_3d": (InceptionResNet3d, 64),
        }
        if command.get("model") not in models:
            raise ValueError(f'Cannot load model "{command.get("model")}": expected one of {", ".join(models)}')
        create, default_size = models[command["model"]]
        network = create().eval()
        fill(network)
        x = model_input(network, command.get("batch", 1), command.get("size", default_size))
        params = sum(p.numel() for p in network.parameters())
        self.network, self.input = self.prepare(network, x, command.get("form", "eager"))
        ready = time.perf_counter()
        self.forward()
        return {
            "ms": (ready - started) * 1e3,
            "firstMs": (time.perf_counter() - ready) * 1e3,
            "params": params,
            "threads": torch.get_num_threads(),
        }

    def prepare(self, network: nn.Module, x: Tensor, form: str) -> tuple[nn.Module, Tensor]:
        if form == "eager":
            return network, x
        if form == "channels_last":
            order = torch.channels_last if x.ndim == 4 else torch.channels_last_3d
            return network.to(memory_format=order), x.to(memory_format=order)
        if form == "frozen":
            frozen = torch.jit.freeze(torch.jit.trace(network, x))
            for _ in range(3):  # the first runs of a traced network profile and compile it
                frozen(x)
            return frozen, x
        raise ValueError(f'Cannot load in form "{form}": expected eager, channels_last or frozen')

    def forward(self) -> Tensor:
        if self.network is None or self.input is None:
            raise ValueError('Cannot run: no network is loaded, send "load" first')
        return self.network(self.input)

    def run(self) -> dict:
        started = time.perf_counter()
        self.forward()
        return {"ms": (time.perf_counter() - started) * 1e3}

    def answer(self, command: dict) -> dict:
        op = command.get("op")
        if op == "load":
            return self.load(command)
        if op == "run":
            return self.run()
        if op == "check":
            return {"logits": checked(self.forward())}
        if op == "rss":
            return memory()
        raise ValueError(f'Cannot answer op "{op}": expected load, run, check, rss or quit')


def memory() -> dict:
    """Megabytes (10^6 bytes) now and at the worst moment; the kernel's own figures where it has them."""
    status = Path("/proc/self/status")
    if not status.exists():
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS
        return {"mb": peak / 1e6, "peakMb": peak / 1e6}
    rows = dict(line.split(":", 1) for line in status.read_text().splitlines())
    kilobytes = {name: int(rows[name].split()[0]) for name in ("VmRSS", "VmHWM")}
    return {"mb": kilobytes["VmRSS"] * 1024 / 1e6, "peakMb": kilobytes["VmHWM"] * 1024 / 1e6}


def reply(value: dict) -> None:
    print(json.dumps(value), flush=True)


@torch.no_grad()
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
