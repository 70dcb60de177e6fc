"""IterationBudget: how many iterations and how much time the fits of a run may take."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from napari_dip.core.restoration.warm_config import config_of_follower

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from napari_dip.config import CompleteConfig
    from napari_dip.core.blocks.plan import Block
    from napari_dip.core.restoration.block.warm_start import WarmStarts


class IterationBudget:
    """Upper bound of the iterations of each fit, and of all later fits together.

    Parameters
    ----------
    config : CompleteConfig
        Iterations of a fit, number of runs and time limit.
    blocks : sequence of Block
        All blocks, in the order of their fits.
    blank : container of int
        Indices of the blocks that need no fit.
    resumed : container of int
        Indices of the blocks whose fits resume those of an earlier restoration.
    warm_starts : WarmStarts
        Blocks that start from the weights of a neighbour, with fewer iterations.
    """

    def __init__(
        self,
        config: CompleteConfig,
        blocks: Sequence[Block],
        *,
        blank: Container[int],
        resumed: Container[int],
        warm_starts: WarmStarts,
    ) -> None:
        self._runs, self._time_limit = config.runs, config.time_limit
        follower_iterations = config_of_follower(config).max_iterations

        def iterations(block: Block) -> int:
            if block.index in blank:
                return 0
            warm = block.index not in resumed and warm_starts.has_predecessor(block)
            return follower_iterations if warm else config.max_iterations

        self._of_block = {block.index: iterations(block) for block in blocks}
        backwards = accumulate(map(iterations, reversed(blocks)), initial=0)
        # Iterations of one run of all blocks after a block.
        self._after = {
            block.index: count for block, count in zip(reversed(blocks), backwards, strict=False)
        }

    def iterations_left(self, block: Block, run: int) -> int:
        """Return the largest number of iterations from this run of a block to the end."""
        this_block = (self._runs - run) * self._of_block[block.index]
        return self._runs * self._after[block.index] + this_block

    def time_share(self, block: Block, run: int, seconds: float) -> float | None:
        """Return the share of a fit in the time left, in proportion to its iterations [seconds].

        Parameters
        ----------
        block : Block
            Block to fit.
        run : int
            Number of the fit, from 0, if blocks are fitted several times.
        seconds : float
            Time since the start of the run.
        """
        if self._time_limit is None:
            return None
        left = max(self._time_limit - seconds, 0.0)
        return left * self._of_block[block.index] / self.iterations_left(block, run)
