"""Networks of the zoo as one would write them by hand in torch: what built modules are measured against.

Parameters come in the order of the layer specs, so that weights can be copied one by one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["HANDWRITTEN"]


def _twice(channels: int, out: int) -> nn.Sequential:
    """Two 3³ convolutions with ReLU."""
    return nn.Sequential(
        nn.Conv3d(channels, out, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv3d(out, out, 3, padding=1),
        nn.ReLU(inplace=True),
    )


class FaultSeg3D(nn.Module):
    """``faultseg3d``, for volumes."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList([_twice(1, 16), _twice(16, 32), _twice(32, 64)])
        self.middle = _twice(64, 128)
        self.up = nn.ModuleList([_twice(192, 64), _twice(96, 32), _twice(48, 16)])
        self.head = nn.Conv3d(16, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for block in self.down:
            x = block(x)
            skips.append(x)
            x = functional.max_pool3d(x, 2)
        x = self.middle(x)
        for block in self.up:
            x = functional.interpolate(x, scale_factor=2)
            x = block(torch.cat((x, skips.pop()), 1))
        return self.head(x)


def _twice_2d(channels: int, out: int) -> nn.Sequential:
    """Two 3² convolutions with ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels, out, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(out, out, 3, padding=1),
        nn.ReLU(inplace=True),
    )


class UNet(nn.Module):
    """``unet``, for images of one channel."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList([_twice_2d(c, o) for c, o in ((1, 64), (64, 128), (128, 256), (256, 512))])
        self.middle = _twice_2d(512, 1024)
        self.up = nn.ModuleList()
        for width in (512, 256, 128, 64):
            self.up.append(nn.ConvTranspose2d(2 * width, width, 2, 2))
            self.up.append(_twice_2d(2 * width, width))
        self.head = nn.Conv2d(64, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for block in self.down:
            x = block(x)
            skips.append(x)
            x = functional.max_pool2d(x, 2)
        x = self.middle(x)
        for level in range(4):
            x = self.up[2 * level + 1](torch.cat((self.up[2 * level](x), skips.pop()), 1))
        return self.head(x)


class Basic(nn.Module):
    """A residual block of two 3² convolutions."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(out)
        self.second = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(out)
        self.shortcut = None
        if stride > 1 or channels != out:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        z = functional.relu(self.first_norm(self.first(x)), inplace=True)
        z = self.second_norm(self.second(z))
        z += x if self.shortcut is None else self.shortcut(x)
        return functional.relu(z, inplace=True)


class ResNet18(nn.Module):
    """``resnet18``, for images of three channels and 1000 classes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        )
        sizes = ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2))
        self.blocks = nn.Sequential(*(b for c, o, s in sizes for b in (Basic(c, o, s), Basic(o, o, 1))))
        self.head = nn.Linear(512, 1000)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


def _normed(convolution: nn.Module, channels: int) -> nn.Sequential:
    return nn.Sequential(convolution, nn.BatchNorm1d(channels), nn.ReLU(inplace=True))


class PhaseNet(nn.Module):
    """``phasenet``, for three components and three outputs."""

    def __init__(self) -> None:
        super().__init__()
        widths = (8, 16, 32, 64, 128)
        self.first = _normed(nn.Conv1d(3, 8, 7, padding=3), 8)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()  # Convolutions at a level, then those between levels.
        for before, width in zip((8, *widths), widths, strict=False):
            self.down.append(_normed(nn.Conv1d(before, width, 7, padding=3, bias=False), width))
            if width < 128:
                self.down.append(_normed(nn.Conv1d(width, width, 7, 4, 3, bias=False), width))
        for width in (64, 32, 16, 8):
            self.up.append(_normed(nn.Sequential(nn.ConvTranspose1d(2 * width, width, 7, 4, bias=False), Cut()), width))
            self.up.append(_normed(nn.Conv1d(2 * width, width, 7, padding=3, bias=False), width))
        self.head = nn.Conv1d(8, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        skips = []
        for level in range(4):
            skips.append(self.down[2 * level](x))
            x = self.down[2 * level + 1](skips[-1])
        x = self.down[-1](x)
        for level in range(4):
            skip = skips.pop()
            x = self.up[2 * level + 1](torch.cat((self.up[2 * level](x)[..., : skip.shape[-1]], skip), 1))
        return self.head(x)


class Cut(nn.Module):
    """One sample off the near end, two off the far end."""

    def forward(self, x: Tensor) -> Tensor:
        return x[..., 1:-2]


class DnCNN(nn.Module):
    """``dncnn``, for images of one channel: the noise is what its layers find."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(1, 64, 3, padding=1), nn.ReLU(inplace=True)]
        for _ in range(15):
            layers += [nn.Conv2d(64, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(64, 1, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


HANDWRITTEN: dict[str, tuple[type[nn.Module], tuple[int, ...], int]] = {
    "faultseg3d": (FaultSeg3D, (1, 1, 64, 64, 64), 1),
    "unet": (UNet, (1, 1, 128, 128), 2),
    "resnet18": (ResNet18, (4, 3, 128, 128), 1000),
    "phasenet": (PhaseNet, (16, 3, 3000), 3),
    "dncnn": (DnCNN, (2, 1, 128, 128), 1),
}
"""Class, shape of a batch, and outputs."""
