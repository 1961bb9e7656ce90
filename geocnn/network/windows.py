"""Windows that slide along the axes: the arithmetic that convolution and pooling share."""

from __future__ import annotations

from dataclasses import dataclass

from geocnn.network.reach import Gather

__all__ = ["Windows", "same_padding"]


@dataclass(frozen=True)
class Windows:
    """Windows of `size` taps, `dilation` apart, at every `stride`-th sample, one number per axis.

    `before` and `after` samples are padded at the two ends of each axis. Transposed, each input sample makes a window
    of outputs, `stride` after the last one, and `before` and `after` outputs are cropped.
    """

    size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]

    @property
    def spans(self) -> tuple[int, ...]:
        """From the first tap of a window to its last, d(k−1)."""
        return tuple(d * (k - 1) for d, k in zip(self.dilation, self.size, strict=True))

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Number of windows along each axis; below 1 where none fits.

        Notes
        -----
        N_y = ⌊(N_x + pad − d(k−1) − 1) / stride⌋ + 1, `pad` being what is padded at both ends together.
        """
        return tuple(
            (n + before + after - span - 1) // stride + 1
            for n, before, after, span, stride in zip(
                shape, self.before, self.after, self.spans, self.stride, strict=True
            )
        )

    def transposed_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Outputs of a transposed convolution along each axis; below 1 where cropping leaves none.

        Notes
        -----
        N_y = (N_x − 1)·stride + d(k−1) + 1 − crop, `crop` being what is cut at both ends together.
        """
        return tuple(
            (n - 1) * stride + span + 1 - before - after
            for n, before, after, span, stride in zip(
                shape, self.before, self.after, self.spans, self.stride, strict=True
            )
        )

    def formula(self, axis: int, n: int) -> str:
        """The formula of `shape` with the numbers of one axis."""
        pad, d, k = self.before[axis] + self.after[axis], self.dilation[axis], self.size[axis]
        size = (n + pad - d * (k - 1) - 1) // self.stride[axis] + 1
        return f"⌊({n} + {pad} − {d}·({k} − 1) − 1) / {self.stride[axis]}⌋ + 1 = {size}"

    def transposed_formula(self, axis: int, n: int) -> str:
        """The formula of `transposed_shape` with the numbers of one axis."""
        crop, d, k = self.before[axis] + self.after[axis], self.dilation[axis], self.size[axis]
        size = (n - 1) * self.stride[axis] + d * (k - 1) + 1 - crop
        return f"({n} − 1)·{self.stride[axis]} + {d}·({k} − 1) + 1 − {crop} = {size}"

    @property
    def gather(self) -> tuple[Gather, ...]:
        """Where each window looks."""
        return tuple(
            Gather(1, stride, before, span - before)
            for stride, before, span in zip(self.stride, self.before, self.spans, strict=True)
        )

    @property
    def transposed_gather(self) -> tuple[Gather, ...]:
        """Which inputs reach each output of a transposed convolution."""
        return tuple(
            Gather(stride, 1, span - before, before)
            for stride, before, span in zip(self.stride, self.before, self.spans, strict=True)
        )


def same_padding(size: int, dilation: int) -> tuple[int, int]:
    """Samples before and after that keep the size at stride 1: d(k−1) in all, the odd one at the far end."""
    span = dilation * (size - 1)
    return span // 2, span - span // 2
