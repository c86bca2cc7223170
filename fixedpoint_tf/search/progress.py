"""Progress of a search, shown while it runs."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from tqdm import tqdm

from fixedpoint_tf.search.search import Search

if TYPE_CHECKING:
    from fixedpoint_tf.config import FinderConfig

__all__ = ["Progress"]


class Progress:
    """Progress bar with finished points and median speed, silent unless verbose."""

    def __init__(self, n: int, config: FinderConfig):
        self.config = config
        self.bar = tqdm(
            total=n,
            desc="fixed points",
            disable=not config.verbose,
            bar_format="{desc}: {n_fmt}/{total_fmt} starts |{bar}| {elapsed}{postfix}",
        )
        self.n_reports = 0
        self.last = 0.0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception) -> None:
        self.bar.close()

    def report(self, search: Search, *, force: bool = False) -> None:
        self.n_reports += 1
        due = force or self.n_reports % self.config.n_iters_per_print_update == 0
        talk = self.config.verbose and self.config.super_verbose and due
        now = time.monotonic()
        show = not self.bar.disable and (force or now - self.last > 0.1)
        if not (talk or show):
            return
        self.last = now
        n_done, q = search.standing()
        if talk:
            line = f"{n_done} of {self.bar.total} starts done, median q = {q:.2e}"
            self.bar.write(line, file=sys.stderr)
        if show:
            further = f", {search.n_further:,} further starts" if search.n_further else ""
            self.bar.set_postfix_str(f"median q = {q:.1e}{further}", refresh=False)
            self.bar.n = n_done
            self.bar.refresh()
