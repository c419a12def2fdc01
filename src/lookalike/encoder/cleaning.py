"""Text as CLIP saw it in training: mended, unescaped, on one line, in lower case.

The result is OpenCLIP's (`clean="lower"`) to the character, but no text takes long and none raises.
"""

import html
import re
import unicodedata
from collections.abc import Callable

import ftfy
from ftfy import fixes

_PLAIN = re.compile(r"[\t\n\f\r !-%'-~]*")
"""Printable ASCII without `&`, and white space. Mending and unescaping leave it alone, but for turning
carriage returns into newlines, which the folding of white space makes no difference of."""

_LINE = re.compile(r"[^\n]*\n|[^\n]+")

_ENDLESS_NUMBER = re.compile(r"&#[0-9]{600,};?")
"""Python refuses to read numbers of thousands of digits; its lowest configurable limit is 640."""

_MOST_ROUNDS = 10
"""How often a line is mended again after mending changed it. Two rounds serve honest text; each further one
needs an escape within an escape. Without a limit, 5 kB of `&amp;amp;amp;...` keep ftfy busy for 1.4 s."""

_FIXES: tuple[Callable[[str], str], ...] = (
    fixes.fix_c1_controls,
    fixes.fix_latin_ligatures,
    fixes.fix_character_width,
    fixes.uncurl_quotes,
    fixes.fix_line_breaks,
    fixes.fix_surrogates,
    fixes.remove_terminal_escapes,
    fixes.remove_control_chars,
)

_ENCODING_ONLY = ftfy.TextFixerConfig(explain=False)


def clean(text: str) -> str:
    """`text` as CLIP's vocabulary expects it: words separated by single spaces, in lower case.

    Lone surrogates come out as U+FFFD, so the result can always be encoded as UTF-8.
    """
    if not _PLAIN.fullmatch(text):
        text = _unescape(_unescape(mend(text)))
    return " ".join(text.split()).lower()


def mend(text: str) -> str:
    """What `ftfy.fix_text` makes of `text`, in at most `_MOST_ROUNDS` rounds a line."""
    mended = []
    unescape = True
    for line in _LINE.findall(text):
        # From the first `<` on, ftfy takes text for HTML, in which escapes are meant.
        unescape = unescape and "<" not in line
        mended.append(_mend_line(line, unescape))
    return "".join(mended)


def _mend_line(line: str, unescape: bool) -> str:
    for _ in range(_MOST_ROUNDS):
        before = line
        if unescape:
            line = fixes.unescape_html(line)
        line = ftfy.fix_encoding(line, _ENCODING_ONLY)
        for fix in _FIXES:
            line = fix(line)
        line = unicodedata.normalize("NFC", line)
        if line == before:
            break
    return line


def _unescape(text: str) -> str:
    try:
        return html.unescape(text)
    except ValueError:
        # So long a number is beyond Unicode, for which HTML prescribes U+FFFD.
        return html.unescape(_ENDLESS_NUMBER.sub("\ufffd", text))
