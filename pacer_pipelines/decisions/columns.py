"""Text in columns: letters that take two columns count as two."""

import unicodedata

# follows a wide letter, so that the length of a text is the columns that it takes; no font has it
FILLER = "\ue000"


def stretched(text: str) -> str:
    """The text with a filler behind each wide letter.

    >>> len(stretched("GOOD 비율"))
    9
    """
    if text.isascii():
        return text
    return "".join(
        letter + FILLER if unicodedata.east_asian_width(letter) in "WF" else letter for letter in text
    )


def narrow(text: str) -> str:
    """The text without its fillers.

    >>> narrow(stretched("GOOD 비율"))
    'GOOD 비율'
    """
    return text.replace(FILLER, "")
