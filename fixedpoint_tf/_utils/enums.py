"""Bases of the enums that name how something ended, each member with a text."""

from __future__ import annotations

import enum

__all__ = ["TextIntEnum", "TextStrEnum"]


class TextIntEnum(enum.IntEnum):
    """Numbers that stand in arrays and files, each with its meaning as ``text``.

    Example:
        >>> class Answer(TextIntEnum):
        ...     NO = 0, "it is not so"
        ...     YES = 1, "it is so"
        >>> Answer(1).text, Answer.YES == 1
        ('it is so', True)
    """

    text: str

    def __new__(cls, number: int, text: str = "") -> TextIntEnum:
        member = int.__new__(cls, number)
        member._value_ = number
        member.text = member.__doc__ = text
        return member


class TextStrEnum(str, enum.Enum):
    """Words that are printed and stand in files, each with its meaning as ``text``.

    A member prints as its word, and is equal to it: ``end == "closed loop"`` and
    ``end == BranchEnd.CLOSED_LOOP`` say the same.

    Example:
        >>> class Answer(TextStrEnum):
        ...     NO = "no", "it is not so"
        ...     YES = "yes", "it is so"
        >>> Answer("yes").text, Answer.YES == "yes", Answer.YES
        ('it is so', True, 'yes')
    """

    text: str

    def __new__(cls, word: str, text: str = "") -> TextStrEnum:
        member = str.__new__(cls, word)
        member._value_ = word
        member.text = member.__doc__ = text
        return member

    def __str__(self) -> str:
        return str(self.value)

    def __repr__(self) -> str:
        return repr(self.value)

    def __format__(self, format_spec: str) -> str:
        return format(self.value, format_spec)
