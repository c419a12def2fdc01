"""How OpenCLIP cuts cleaned text into the pieces that its byte pairs are merged in."""

START, END = "<start_of_text>", "<end_of_text>"
"""OpenCLIP's names. In most tokenizer files these ids are called `<|startoftext|>` and `<|endoftext|>`."""

# The regular expressions of tokenizers know the characters of Unicode 16; those of OpenCLIP (the regex package,
# 2026.11) know Unicode 17 and what is assigned for 18. This is the difference, in code points.
_NEWER_LETTERS = """
    558 58B-58C 88F C5C CDC 208F 209D-209F A7CE-A7CF A7D2 A7D4 A7DD A7E2 A7F1 AB6C-AB6D 107BB-107BF 10940-10959
    10EC5-10EC7 10ED9-10EEE 11B0A 11DB0-11DDB 11DF1 16EA0-16EB8 16EBB-16ED3 16FF2-16FF3 187F8-187FF 18CD6-18CDA
    18D09-18D20 18D80-18DF2 18E00-19191 191A0-191D2 1B123-1B128 1B168 1D6A6 1DF1F-1DF24 1DF2B-1DF81 1DF90-1DF96
    1DFCD-1DFFF 1E6C0-1E6DE 1E6E0-1E6E2 1E6E4-1E6E5 1E6E7-1E6ED 1E6F0-1E6F4 1E6FE-1E6FF 2B73A-2B73F 2B81E
    2CEA2-2CEAD 323B0-33479 3D000-3FC3F
"""
_NEWER_NUMBERS = "11DE0-11DE9 1246F 12475-1247F 12550-12686 16FF4-16FF6"


def _characters(ranges: str) -> str:
    """The inside of a character class, in Oniguruma's notation."""
    return "".join(
        "-".join(rf"\x{{{code}}}" for code in code_range.split("-"))
        for code_range in ranges.split()
    )


_LETTER = rf"\p{{L}}{_characters(_NEWER_LETTERS)}"
_NUMBER = rf"\p{{N}}{_characters(_NEWER_NUMBERS)}"

# OpenCLIP ignores case here. For text that is in lower case already, that makes two differences: the long s
# passes for an s, and U+0345, a mark that is some letters' lower case, belongs to no class, so it is left out.
_S = r"[s\x{17F}]"
_OTHER = rf"[^\s{_LETTER}{_NUMBER}\x{{345}}]"

PIECE = rf"<{_S}tart_of_text>|{END}|'{_S}|'t|'re|'ve|'m|'ll|'d|[{_LETTER}]+|[{_NUMBER}]|{_OTHER}+"
"""Matches a special token, a contraction's end, a run of letters, one digit, or a run of anything else."""
