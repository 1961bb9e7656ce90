"""Which samples depend on which, along one axis: of one step, and of a whole network."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, gcd, lcm

__all__ = ["Gather", "Reach"]


@dataclass(frozen=True)
class Gather:
    """Where a step looks along one axis: output j depends on its inputs ``first(j)`` to ``last(j)``.

    Notes
    -----
    first(j) = ⌈(j·down − before) / up⌉ and last(j) = ⌊(j·down + after) / up⌋. So a window of k taps, d apart, at
    stride s with p samples padded before has down = s, before = p, after = d(k−1) − p; repeating each sample f times
    has up = f, before = f − 1, after = 0; a transposed convolution of which c samples are cropped at the near end has
    up = s, before = d(k−1) − c, after = c.
    """

    up: int = 1
    down: int = 1
    before: int = 0
    after: int = 0

    def first(self, j: int) -> int:
        """First input that output `j` depends on; negative where that is padding."""
        return -((self.before - j * self.down) // self.up)

    def last(self, j: int) -> int:
        """Last input that output `j` depends on."""
        return (j * self.down + self.after) // self.up

    def stretched(self, stride: Fraction) -> Fraction:
        """Stride of the outputs for a stride of the inputs."""
        return stride if self.up == self.down else stride * self.down / self.up


@dataclass(frozen=True)
class Reach:
    """Which samples of the network's input an output depends on, along one axis.

    Attributes
    ----------
    stride
        Input samples from one output sample to the next.
    spans
        First and last input sample of the outputs 0, 1, … P−1. After upsampling neighbouring outputs see windows that
        differ; output ``j + P`` sees what output `j` sees, shifted by ``P * stride``, which is a whole number.
    whole
        Whether a step on the way looks at all samples at once; the spans leave that step out.
    """

    stride: Fraction = Fraction(1)
    spans: tuple[tuple[int, int], ...] = ((0, 0),)
    whole: bool = False

    def phases_after(self, gather: Gather) -> int:
        """Period P of the outputs of a step: the smallest that is whole in its input's period."""
        up = gather.up * len(self.spans)
        return up // gcd(up, gather.down)

    def gathered(self, gather: Gather) -> Reach:
        """The reach of the outputs of a step that looks at these outputs as `gather` says."""
        outputs = range(self.phases_after(gather))
        spans = tuple((self.span(gather.first(j))[0], self.span(gather.last(j))[1]) for j in outputs)
        return Reach(gather.stretched(self.stride), spans, self.whole)

    def joined(self, other: Reach) -> Reach:
        """The reach of a sum or concatenation of these outputs and others, of equal strides."""
        outputs = range(lcm(len(self.spans), len(other.spans)))
        pairs = [(self.span(j), other.span(j)) for j in outputs]
        spans = tuple((min(a[0], b[0]), max(a[1], b[1])) for a, b in pairs)
        return Reach(self.stride, spans, self.whole or other.whole)

    def span(self, j: int) -> tuple[int, int]:
        """First and last input sample of output `j`."""
        periods, phase = divmod(j, len(self.spans))
        shift = periods * len(self.spans) * self.stride.numerator // self.stride.denominator
        first, last = self.spans[phase]
        return first + shift, last + shift

    @property
    def left(self) -> int:
        """How far before ``j * stride`` an output j sees at most."""
        return ceil(max(j * self.stride - first for j, (first, _) in enumerate(self.spans)))

    @property
    def right(self) -> int:
        """How far after ``j * stride`` an output j sees at most."""
        return ceil(max(last - j * self.stride for j, (_, last) in enumerate(self.spans)))

    @property
    def width(self) -> int:
        """Input samples that an output sees, on average over neighbouring outputs, rounded up."""
        return ceil(Fraction(sum(last - first + 1 for first, last in self.spans), len(self.spans)))

    @property
    def offset(self) -> Fraction:
        """Where in the input the centre of what output 0 sees lies, on average over neighbouring outputs."""
        centres = [Fraction(first + last, 2) - j * self.stride for j, (first, last) in enumerate(self.spans)]
        return sum(centres, Fraction(0)) / len(centres)
