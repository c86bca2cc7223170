"""Interruptions from the keyboard, after which finished results are returned and marked.

Every question that takes longer than a few seconds does its work within an
:class:`Interruption`. The first Ctrl-C ends the work; the answer is then made of what is done
and says ``interrupted``. A second one, while the answer is made, is raised.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

__all__ = ["SAID", "Interruption"]

logger = logging.getLogger(__name__)

SAID = "said"  # argument of a KeyboardInterrupt that has been logged

Answer = TypeVar("Answer")


class Interruption:
    """Catch Ctrl-C in a block, say so once, and go on after the block.

    Args:
        returned: what is returned then, for the warning.

    Attributes:
        came: whether there was one.

    Example:
        >>> stop = Interruption("the roots found by then are returned")
        >>> with stop:
        ...     raise KeyboardInterrupt
        >>> stop.came
        True
    """

    def __init__(self, returned: str = "what had been found by then is returned"):
        self.returned = returned
        self.came = False

    def note(self) -> None:
        """Note an interruption that was caught elsewhere."""
        if not self.came:
            self.came = True
            logger.warning("interrupted: %s", self.returned)

    def __enter__(self) -> Interruption:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if not isinstance(error, KeyboardInterrupt):
            return False
        if SAID in error.args:
            self.came = True
        self.note()
        return True

    def complete(self, work: Callable[[], Answer]) -> Answer:
        """Run the rest that an answer needs, again after a first interruption.

        Args:
            work: changes nothing, so that it can be done again.

        Returns:
            What it returns.

        Raises:
            KeyboardInterrupt: it was interrupted, and not for the first time.
        """
        if self.came:
            return work()
        try:
            return work()
        except KeyboardInterrupt:
            self.note()
        return work()
