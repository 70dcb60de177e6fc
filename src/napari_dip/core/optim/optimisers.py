"""Optimisers: Adam, and Muon for the kernels of convolutions.

Neither is a `torch.optim.Optimizer`: that class imports the compiler of torch, which takes seconds
and crashes in triton where software or an AMD card draws the window.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

if TYPE_CHECKING:
    from napari_dip.config import FitConfig

# Coefficients of the odd polynomial whose repeated application brings singular values near 1.
_LINEAR, _CUBIC, _QUINTIC = 3.4445, -4.7750, 2.0315
_APPLICATIONS = 3
_MOMENTUM = 0.9
# Decay rates of Adam; beside Muon they match its momentum.
_BETAS = {"adam": (0.9, 0.999), "muon": (0.9, 0.9)}
_EPSILON = 1e-8


class Adam:
    """Adam: steps along the mean gradient divided by the root mean square of the gradients.

    Parameters
    ----------
    weights : iterable of Tensor
        Tensors that are optimised.
    lr : float
        Learning rate: the approximate change of each number per step.
    betas : (float, float)
        Decay rates of the means of the gradients and of their squares. Default (0.9, 0.999).

    References
    ----------
    D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.

    Examples
    --------
    >>> weight = nn.Parameter(torch.zeros(3))
    >>> weight.grad = torch.tensor([1.0, -2.0, 0.0])
    >>> Adam([weight], lr=0.1).step()
    >>> [round(value, 3) for value in weight.tolist()]
    [-0.1, 0.1, 0.0]
    """

    def __init__(
        self, weights: Iterable[Tensor], lr: float, betas: tuple[float, float] = _BETAS["adam"]
    ) -> None:
        self.weights = list(weights)
        self.rate = lr
        self._betas = betas
        self.moments = [
            moment
            for weight in self.weights
            for moment in (
                torch.zeros_like(weight, requires_grad=False),
                torch.zeros_like(weight, requires_grad=False),
                torch.zeros((), device=weight.device),  # number of steps
            )
        ]

    @torch.no_grad()
    def step(self) -> None:
        """Update all weights that have a gradient."""
        states = zip(self.weights, *(self.moments[first::3] for first in range(3)), strict=True)
        moved = [
            (weight, weight.grad, *state) for weight, *state in states if weight.grad is not None
        ]
        if not moved:
            return
        weights, gradients, means, squares, counts = map(list, zip(*moved, strict=True))
        adam(
            weights,
            gradients,
            means,
            squares,
            [],
            counts,
            fused=True,  # one launch for all weights instead of several per weight
            amsgrad=False,
            beta1=self._betas[0],
            beta2=self._betas[1],
            lr=self.rate,
            weight_decay=0.0,
            eps=_EPSILON,
            maximize=False,
        )


class Muon:
    """Muon: steps along the momentum of each kernel, with all singular values about 1.

    A kernel (out, in, [kZ,] kY, kX) is treated as a matrix with `out` rows. Its gradients have
    few large singular values, so Adam moves it along few directions; Muon moves it along all
    directions equally. (torch.optim.Muon, available from torch 2.9 on, accepts only matrices and
    updates them one by one.)

    Parameters
    ----------
    kernels : iterable of torch.nn.Parameter
        Kernels with three axes or more.
    lr : float
        Learning rate: the spectral norm of a step, for kernels with at most as many rows as
        columns.

    References
    ----------
    K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.

    Examples
    --------
    >>> kernel = nn.Parameter(torch.zeros(4, 2, 3, 3))
    >>> kernel.grad = torch.rand(4, 2, 3, 3)
    >>> Muon([kernel], lr=0.1).step()
    >>> bool(kernel.abs().max() > 0)
    True
    """

    def __init__(self, kernels: Iterable[nn.Parameter], lr: float) -> None:
        self.weights: list[Tensor] = list(kernels)
        self.rate = lr
        self.moments = [torch.zeros_like(_matrix(kernel.detach())) for kernel in self.weights]

    @torch.no_grad()
    def step(self) -> None:
        """Update all kernels that have a gradient."""
        kernels, directions = [], []
        for kernel, momentum in zip(self.weights, self.moments, strict=True):
            if kernel.grad is not None:
                gradient = _matrix(kernel.grad)
                momentum.lerp_(gradient, 1 - _MOMENTUM)
                kernels.append(kernel)
                directions.append(gradient.lerp(momentum, _MOMENTUM))  # Nesterov momentum
        # Matrices with equal shorter sides are orthogonalised together.
        groups: dict[int, list[int]] = defaultdict(list)
        for index, direction in enumerate(directions):
            groups[min(direction.shape)].append(index)
        for indices in groups.values():
            steps = orthogonalise([directions[index] for index in indices])
            for index, step in zip(indices, steps, strict=True):
                rows, columns = step.shape
                rate = self.rate * max(1.0, rows / columns) ** 0.5
                kernels[index].sub_(_kernel(step, kernels[index]), alpha=rate)


def orthogonalise(matrices: Sequence[Tensor]) -> list[Tensor]:
    """Return matrices with the same singular vectors and singular values of about 1.

    The polynomial is applied to all Gram matrices together, which are small.

    Parameters
    ----------
    matrices : sequence of (rows, columns) Tensor
        Float32 matrices with equal shorter sides.

    Returns
    -------
    list of (rows, columns) Tensor
        Orthogonalised matrices, in the given order.
    """
    wide = [matrix if len(matrix) <= matrix.shape[1] else matrix.T for matrix in matrices]
    gram = torch.stack([matrix @ matrix.T for matrix in wide])  # (N, n, n)
    squares = gram.diagonal(dim1=1, dim2=2).sum(1).clamp(min=torch.finfo(gram.dtype).tiny)
    gram = gram / squares[:, None, None]
    left = gram.new_empty(0)
    for application in range(_APPLICATIONS):
        factor = torch.baddbmm(gram, gram, gram, beta=_CUBIC, alpha=_QUINTIC)
        factor.diagonal(dim1=1, dim2=2).add_(_LINEAR)
        left = factor @ left if application else factor
        if application < _APPLICATIONS - 1:
            gram = factor @ gram @ factor
    left = left / squares.sqrt()[:, None, None]
    return [
        (factor @ matrix) if matrix is given else (factor @ matrix).T
        for factor, matrix, given in zip(left, wide, matrices, strict=True)
    ]


def _matrix(kernel: Tensor) -> Tensor:
    """Return a kernel (out, in, ...) as a matrix (out, ...), with channels last in memory."""
    return kernel.movedim(1, -1).flatten(1)


def _kernel(matrix: Tensor, like: Tensor) -> Tensor:
    """Return a matrix from `_matrix` in the shape of the kernel `like`."""
    return matrix.reshape(len(matrix), *like.shape[2:], like.shape[1]).movedim(-1, 1)


class OptimiserState(NamedTuple):
    """State of one optimiser: learning rate and moments of the gradients."""

    rate: float
    moments: list[Tensor]


class Optimisers:
    """Several optimisers that step together.

    Attributes
    ----------
    rates : list of float
        Learning rate of each optimiser.
    """

    def __init__(self, *parts: Adam | Muon) -> None:
        self.parts = parts

    def zero_grad(self) -> None:
        for part in self.parts:
            for weight in part.weights:
                weight.grad = None

    def step(self) -> None:
        for part in self.parts:
            part.step()

    @property
    def rates(self) -> list[float]:
        return [part.rate for part in self.parts]

    @rates.setter
    def rates(self, rates: Sequence[float]) -> None:
        for part, rate in zip(self.parts, rates, strict=True):
            part.rate = rate

    def state(self) -> list[OptimiserState]:
        """Return learning rates and moments; later steps change these tensors in place."""
        return [OptimiserState(part.rate, part.moments) for part in self.parts]

    def load_state(self, states: Sequence[OptimiserState]) -> None:
        """Copy learning rates and moments from the result of `state`."""
        for part, state in zip(self.parts, states, strict=True):
            part.rate = state.rate
            for moment, other in zip(part.moments, state.moments, strict=True):
                moment.copy_(other)


def build_optimiser(
    network: nn.Module,
    settings: FitConfig,
    latents: Sequence[Tensor] = (),
    widths: Sequence[Tensor] = (),
) -> Optimisers:
    """Return the optimisers of a fit.

    Parameters
    ----------
    network : torch.nn.Module
        Network whose weights are fitted.
    settings : FitConfig
        Settings with the optimiser and its learning rates.
    latents : sequence of Tensor
        Latents that are fitted, too. Default: none.
    widths : sequence of Tensor
        Logarithms of PSF widths that are fitted, too. Default: none.
    """
    others: list[Tensor] = [*network.parameters()]
    parts: list[Adam | Muon] = []
    kernels = [weight for weight in network.parameters() if _is_kernel(weight)]
    if settings.optimiser == "muon" and kernels:
        parts.append(Muon(kernels, settings.learning_rate))
        others = [weight for weight in others if not _is_kernel(weight)]
    betas = _BETAS[settings.optimiser]
    parts.append(Adam([*others, *latents], settings.learning_rate, betas))
    if widths:
        parts.append(Adam(widths, settings.psf_learning_rate, betas))
    return Optimisers(*parts)


def typical_steps(network: nn.Module, settings: FitConfig) -> Iterator[tuple[nn.Parameter, float]]:
    """Yield each weight except biases and norms, with the typical change of a number per step."""
    for weight in network.parameters():
        if weight.ndim < 2:
            continue
        orthogonal = settings.optimiser == "muon" and _is_kernel(weight)
        yield weight, settings.learning_rate / (weight[0].numel() ** 0.5 if orthogonal else 1.0)


def _is_kernel(weight: Tensor) -> bool:
    return weight.ndim > 2
