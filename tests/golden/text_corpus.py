"""The texts that the tokenizers are compared on: what people type, paste and break, in many scripts.

`corpus()` is the same list on every machine and Python: random texts come from a seeded generator and use
only characters that Unicode has had since 3.2, whose case and composition are settled.
"""

# ruff: noqa: E501, RUF001 - what a linter takes for a slip is the point here

import html
import random
import unicodedata
from collections.abc import Callable, Iterator

PLAIN = (
    "",
    " ",
    "   \t  ",
    "\n",
    "a",
    "Z",
    "7",
    "!",
    "a photo of a dog",
    "A Photo Of A Dog",
    "A PHOTO OF A DOG",
    "a photo of a dog.",
    "two dogs,one ball;no cat",
    "black-and-white striped t-shirt",
    "black – and — white",
    "the shirt (blue) [size M] {new}",
    "what?! really...",
    "wait . . . what ?",
    "#tag @name $5 50% a&b a*b a/b a\\b a|b a_b a~b a^b `a`",
    "\"quoted\" 'quoted' «cité» „zitiert“ ‚so‘ “curly” ‘too’ ‹klein› 「引用」",
    "<b>bold</b>",
    "5 < 6 > 4",
    "a <= b && c >= d",
    "C++ and C#, F♯ and .NET",
    "::: --- ===",
    "....................",
    "-----",
    "e.g. this, i.e. that, etc.",
    "semi;colon: and:colon",
    "under_score and double__underscore",
    "camelCase PascalCase snake_case kebab-case",
    "supercalifragilisticexpialidocious",
    "Donaudampfschifffahrtsgesellschaftskapitän",
    "abcdefghijklmnopqrstuvwxyz",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "qqqq wwww zzzz xxxx",
    "the the the the the",
    "hello\tworld",
    "hello\nworld",
    "hello\r\nworld",
    "hello\rworld",
    "  leading and trailing  ",
    "many     spaces     inside",
    "line one\n\n\nline four",
    "tab\tseparated\tvalues\t1\t2",
)

CONTRACTIONS = (
    "it's", "IT'S", "It’s", "don't", "DON'T", "can’t", "we're", "WE'RE", "they've", "I'm", "I’M", "he'll",
    "she'd", "y'all'd've", "rock 'n' roll", "'tis", "'twas the night", "o'clock", "O'Neill", "l'été",
    "d'Artagnan", "qu'il", "men's shoes", "boys' coats", "the dogs' bowl", "1980's", "'90s", "5'10\"",
    "'s", "'S", "''s", "' s", "it 's", "'sfoo", "x'll'll", "'re're", "'d'm't", "a'b'c", "`s", "´s", "ʼs",
    "'ſ", "don'ſ", "ſchön", "maſſe",
)  # fmt: skip

NUMBERS = (
    "0", "42", "007", "3.14159", "1,234,567.89", "1.234.567,89", "1 234 567", "-40°C", "98.6 °F", "50%", "½ cup",
    "3/4 sleeve", "¾ sleeve", "1e-5", "0x1F600", "10²", "H₂O", "x³+y³", "№ 5", "1st 2nd 3rd", "Ⅳ and ⅳ", "①②③", "⑴⒈",
    "²³¹", "12:30", "2024-02-29", "29.02.2024", "2/29/24", "+1 (555) 010-9999", "size 42 EU / 8.5 US", "A4 210x297mm",
    "210 × 297 mm", "1920×1080", "4K", "7.5\"", "5′ 11″", "100ml/3.4 fl.oz", "500g", "1kg=1000g", "±5", "≈10", "∞",
    "٣٤٥", "३४५", "๓๔๕", "三百二十一", "１２３", "𝟏𝟐𝟑", "9999999999999999999999", "1" * 90, "1 2 3 4 5 6 7 8 9",
    "$5", "$5.00", "US$ 1,299", "€9,99", "9,99 €", "£20", "¥500", "₹1,299", "₽100", "₩10000", "₺75", "₿1", "฿300",
    "¢99", "₫50.000", "5 zł", "kr 199,-", "Fr. 12.50", "3 for 2", "buy 1 get 1 50% off",
)  # fmt: skip

ADDRESSES = (
    "https://example.org",
    "http://www.example.com/shop?id=42&colour=red&size=XL#reviews",
    "https://example.com/a%20b/c%2Fd?q=caf%C3%A9",
    "HTTPS://EXAMPLE.COM/INDEX.HTML",
    "ftp://files.example.net:2121/pub/~user/",
    "someone@example.com",
    "first.last+tag@sub.example.co.uk",
    "@handle and #hashtag #CamelCaseTag",
    "C:\\Users\\someone\\Pictures\\IMG_0042.JPG",
    "/home/someone/pictures/img-0042.jpeg",
    "IMG_20240229_123456.jpg",
    "DSC01234.ARW",
    "data:image/png;base64,iVBORw0KGgo=",
    "192.168.0.1:8080",
    "2001:db8::1",
    "550e8400-e29b-41d4-a716-446655440000",
    "ISBN 978-3-16-148410-0",
    "SKU: AB-1234/XL_red",
    "EAN 4006381333931",
    "def f(x): return x**2  # square",
    "SELECT * FROM items WHERE price < 10;",
    '{"name": "shirt", "sizes": ["S", "M"]}',
    "<img src='a.png' alt=\"a &quot;b&quot;\"/>",
    "[link](https://example.com) **bold** _it_",
    "rm -rf ./build && make",
    "^[a-z]+\\d{2,}$",
)

ESCAPES = (
    "Tom &amp; Jerry", "Tom &amp;amp; Jerry", "Tom &amp;amp;amp; Jerry", "Tom &amp;amp;amp;amp;amp;amp;amp; Jerry",
    "AT&T", "AT&amp;T", "R&D", "a&b;c", "&", "&&", "&;", "&amp", "&amp;", "&AMP;", "&Amp;", "&lt;b&gt;", "&amp;lt;b&amp;gt;",
    "&quot;hi&quot;", "&apos;s", "it&#39;s", "it&#x27;s", "it&amp;#39;s", "it&rsquo;s", "caf&eacute;", "CAF&EACUTE;",
    "caf&amp;eacute;", "caf&eacute", "&eacutee", "&notit;", "&not", "&notin;", "5&nbsp;kg", "&nbsp;", "&#160;x",
    "&copy; 2024", "&COPY;", "&reg;&trade;", "&hellip;", "&mdash;", "&ndash;&minus;", "&euro;5", "&#8364;5", "&#x20AC;5",
    "&#X20ac;5", "&#128;5", "&#x80;5", "&#150;", "&#0;", "&#x0;", "&#1;x", "&#x110000;", "&#xD800;", "&#55357;&#56832;",
    "&#128512;", "&#x1F600;", "&#99999999999999999999;", "&#", "&#;", "&#x;", "&#xZZ;", "&#65", "&#65 x", "&#0065;",
    "&#9;", "&#10;", "&#13;", "&#11;", "&#28;", "&#133;", "&#8203;", "&ZeroWidthSpace;", "&shy;", "&zwj;&zwnj;",
    "&lrm;x&rlm;", "&NewLine;x&Tab;y", "&CounterClockwiseContourIntegral;", "&fjlig;", "&nGt;", "&NotEqualTilde;",
    "&szlig;&SZLIG;", "&Scaron;&SCARON;", "&sigma;&Sigma;&sigmaf;", "&#931;", "&#x130;", "&#xFB01;ne", "&#xFF21;",
    "&#x345;", "<p>Tom &amp; Jerry</p>", "<p>caf&EACUTE;</p>", "<p>it&amp;amp;#39;s</p>", "&lt;p&gt;&EACUTE;",
    "a < b &EACUTE;\nc &EACUTE;", "c &EACUTE;\na < b &EACUTE;", "&amp;lt;EACUTE&amp;gt;", "&semi;&amp&semi;",
    "&amp&semi;amp&semi;", "&ampamp;", "&num;39;", "&&num;39;", "&Atilde;&copy;", "&#195;&#169;", "&acirc;&euro;&trade;",
    "＆amp；", "＆ａｍｐ；", "&\u200bamp;", "&a\u0300mp;", "&lt", "&lt&gt", "&ltb", "x&gt=5", "?a=1&b=2&copy=3&lt=4",
    "&lang;x&rang;", "&frac12;", "&sup2;", "&SUP2;", "&deg;C", "&times;", "&divide;", "&micro;m", "&Omega;", "&hearts;",
)  # fmt: skip

SPECIAL_TOKENS = (
    "<start_of_text>", "<end_of_text>", "<START_OF_TEXT>", "a <end_of_text> b", "a<end_of_text>b", "!!<end_of_text>",
    "!! <end_of_text>!!", "<<end_of_text>>", "<end_of_text><end_of_text>", "'s<start_of_text>'s", "1<end_of_text>2",
    "<start_of_text>a dog<end_of_text>", "&lt;end_of_text&gt;", "<ſtart_of_text>", "a <ſtart_of_text> b",
    "&#xFB05;<end_of_text>", "< end_of_text >", "<end_of_tex", "end_of_text", "<end-of-text>", "<END_of_Text>",
    "<|startoftext|>", "<|endoftext|>", "a <|endoftext|> b", "a<|endoftext|>b", "!!<|endoftext|>", "<|ENDOFTEXT|>",
    "<|startoftext|>a dog<|endoftext|>", "<|endoftext|", "|endoftext|", "[CLS]", "[SEP]", "a [SEP] b", "[MASK]", "[UNK]",
    "[PAD]", "[cls]", "<s></s>", "<pad>", "<unk>",
)  # fmt: skip

CHARACTERS = (
    "İstanbul", "istanbul", "ISTANBUL", "ıstanbul", "DİYARBAKIR", "Iıİi", "i̇", "ΟΔΟΣ", "ὈΔΥΣΣΕΎΣ", "ΣΑΣ ΣΑΣ", "Σ", "ΑΣ.",
    "ΑΣ'Α", "ΑΣ-ΑΣ", "ΑΣ1", "Σ\u0301", "ΑΣ\u0301", "ΑΣ\u200d", "ΑΣ\u200dΑ", "STRASSE Straße STRAẞE", "Ǆ ǅ ǆ", "Ǉ ǈ", "ŉ",
    "ﬁne ﬂow oﬃce waﬄe ﬀ ﬅ ﬆ", "ĳs Ĳs", "Æsir œuvre Œuvre", "ﬓ", "ﷺ", "ＦＵＬＬ ｗｉｄｔｈ　１２３！", "ﾊﾝｶｸ ｶﾞ", "ￂￃ",
    "e\u0301", "é", "E\u0301", "a\u0308o\u0308u\u0308", "n\u0303", "q\u0307\u0323", "q\u0323\u0307", "Z̸̢a̵l̶g̷o̴", "\u0301", "\u0301a",
    "a\u0345", "\u0345", "α\u0345", "x\u0345\u0345y", "ᾳ", "ᾼ", "\u0345!!", "ờ", "o\u031b\u0300", "Å Å Å", "Ω Ω", "K K", "ſ s",
    "\u1e9b\u0323", "ﬃ\u0301", "각", "\u1100\u1161\u11a8", "한국어", "힣", "が", "か\u3099", "ﾞ", "क़", "क\u093c", "ড়",
    "soft\u00adhyphen", "zero\u200bwidth", "zero\u200cnon\u200djoiner", "word\u2060joiner", "\ufeffbom", "mid\ufeffbom",
    "a\u00a0b", "a\u2003b", "a\u2009b", "a\u202fb", "a\u3000b", "a\u1680b", "a\u180eb", "a\u2028b", "a\u2029b", "a\u0085b",
    "\u200e left \u200f right \u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", "a\u206ab", "a\ufff9b\ufffac\ufffb",
    "obj\ufffc", "bad\ufffd", "\ufffe\uffff", "\ue000 private \uf8ff", "\U000e0041tag", "\U0010ffff", "x\ufe0fy", "x\ufe0ey",
    "nul\x00nul", "\x00", "bell\x07", "back\x08space", "vt\x0bvt", "ff\x0cff", "so\x0esi\x0f", "esc\x1b", "\x1b[31mred\x1b[0m",
    "\x1b[1;32;40mbold\x1b[m", "\x1b[", "a\x1cb\x1dc\x1ed\x1fe", "del\x7fdel", "sub\x1asub", "c1\x80\x81\x85\x8d\x9f", "\x92s",
    "it\x92s", "\x93quoted\x94", "\x91\x92\x96\x97\x85", "\ud800", "a\udc00b", "\ude00\ud83d", "x\udfffy",
    "•–—…", "†‡§¶", "™®©℠", "←↑→↓⇒", "∀∃∈∉∑∏√∫", "≤≥≠≡", "αβγ ΑΒΓ", "ℵℶ", "ℝℂℤ", "𝒜𝓑𝔠", "𝐛𝐨𝐥𝐝", "ᴀʙᴄ", "ⓐⒶ", "🄰🅰",
    "⠓⠑", "♠♥♦♣", "♔♛", "☀☁☂", "✓✔✗✘", "★☆", "█▓▒░", "┌─┐│└┘", "⌘⌥⇧", "ˈfəʊtəʊ", "ʰʲʷ", "ᵃᵇᶜ", "⅓⅔", "‰‱", "ªº", "¿qué?", "¡hola!",
    "Þór", "ðæ", "Łódź", "Øre", "Ñandú", "çà", "ÿ Ÿ", "ß", "ẞ", "Đà Nẵng", "Ŵŷ", "ħ Ħ", "ə Ə", "Ғғ", "Ѣѣ", "Җ", "Ԁ", "Ⴀ ა Ა",
    "Ꮳ ꮳ", "𐐀𐐨", "Ⲁⲁ", "Ⰰⰰ", "ꙁꙀ", "Ϣϣ", "ϴ θ ϑ", "ϐ β", "µ μ", "ͺ", "΄", "῾", "՚", "״׳", "،؛؟", "।॥", "。、！？", "《》【】",
    "〜～", "ー", "々", "〇", "〆", "ㄅㄆ", "㍻", "㎏", "㈱", "㊗", "￥", "￦",
)  # fmt: skip

EMOJI = (
    "😀", "😀😀😀", "i ❤️ you", "i ❤ you", "👍🏽", "👩‍💻", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🏴‍☠️", "🇩🇪", "🇫🇷🇮🇹", "🇺", "🏴󠁧󠁢󠁷󠁬󠁳󠁿", "1️⃣", "#️⃣", "©️", "™️", "☕️", "👗👠👜",
    "red dress 👗", "👗red dress", "🔥 SALE 🔥", "😂😂😂😂😂😂😂😂😂😂", "🧑🏿‍🦱", "🤷‍♀️", "👁️‍🗨️", "❤️‍🔥", "🧶🪡", "🫠", "¯\\_(ツ)_/¯", "( ͡° ͜ʖ ͡°)", "(╯°□°)╯︵ ┻━┻", ":-)", ":D <3 ;)",
    "ಠ_ಠ", "ʕ•ᴥ•ʔ", "(づ｡◕‿‿◕｡)づ", "ヽ(´ー`)ノ", "\u200d", "😀\u200d", "\ufe0f", "👍\U0001f3fd\U0001f3fd",
)  # fmt: skip

SENTENCES = {
    "German": ("ein rotes Kleid aus Wolle", "Größe 38, für Mädchen & Jungen", "weiße Füße im Öl"),
    "French": ("une robe d’été à fleurs", "où est le garçon naïf ?", "l'hôtel n’a pas d'œufs"),
    "Spanish": (
        "¿dónde está el niño?",
        "un pingüino pequeño y una cigüeña",
        "camión amarillo, 3 años",
    ),
    "Portuguese": ("calças azuis para o verão", "pão, maçã e limão", "à praia com a avó"),
    "Italian": ("perché no? è così", "gonna più corta, città vecchia", "un caffè e l'università"),
    "Dutch": ("een groene jas voor 's winters", "IJsland, zeeën en coöperatie", "'t huis"),
    "Nordic": (
        "en grå tröja på en ö",
        "blå bukser og små sko",
        "æble, ål og rødgrød",
        "þessi skór er dýr",
    ),
    "Polish": ("żółta łódź płynie", "buty męskie za pięć złotych", "ćma i źdźbło"),
    "Czech": ("příliš dlouhý kabát", "červené šaty s výšivkou", "ťuhýk a ďas"),
    "Hungarian": ("hűvös őszi kabát", "két tükörfúró ára"),
    "Romanian": ("pantofi roșii și țesături", "mâine și aștept"),
    "Turkish": ("kırmızı elbise ve şapka", "IĞDIR'DA İNCİR", "çocuk için yağmurluk"),
    "Vietnamese": ("áo dài màu đỏ", "giày thể thao nữ giá rẻ", "một con mèo ngủ"),
    "Russian": ("красное платье из хлопка", "МУЖСКАЯ ОБУВЬ, размер 42", "ёлка и подъезд"),
    "Ukrainian": ("її синя сукня", "ґудзик і м'яч"),
    "Serbian": ("црвена хаљина", "љубав, њива и џемпер"),
    "Greek": ("κόκκινο φόρεμα", "ΠΑΠΟΎΤΣΙΑ ΓΙΑ ΌΛΟΥΣ", "ένας σκύλος τρέχει στους δρόμους"),
    "Hebrew": ("שמלה אדומה", "כלב רץ בפארק 123", "שָׁלוֹם", 'דו״ח צה"ל'),
    "Arabic": ("فستان أحمر للصيف", "كلب يركض، ثم ينام؟", "مُحَمَّد", "السعر ١٢٫٥٠"),
    "Persian": ("می‌خواهم کفش بخرم", "پیراهن آبی ۴۲"),
    "Urdu": ("سرخ لباس", "یہ کتا ہے۔"),
    "Hindi": ("लाल रंग की साड़ी", "बच्चों के जूते।", "क्षत्रिय ज्ञान"),
    "Bengali": ("লাল শাড়ি", "একটি কুকুর দৌড়ায়"),
    "Tamil": ("சிவப்பு உடை", "நாய் ஓடுகிறது"),
    "Telugu": ("ఎరుపు చీర",),
    "Malayalam": ("ചുവന്ന വസ്ത്രം", "അവന്‍"),
    "Sinhala": ("රතු ඇඳුම",),
    "Thai": ("ชุดเดรสสีแดง", "รองเท้าผู้ชาย ๔๒", "น้ำใจ"),
    "Lao": ("ຊຸດສີແດງ",),
    "Khmer": ("រ៉ូបក្រហម",),
    "Burmese": ("အနီရောင်ဝတ်စုံ",),
    "Tibetan": ("དམར་པོ།",),
    "Korean": ("빨간 원피스", "남성용 운동화 270mm", "강아지가 뛰어요!"),
    "Japanese": (
        "赤いワンピース",
        "メンズ スニーカー 27cm",
        "犬が公園で走っています。",
        "Tシャツ（白）",
        "ｶﾀｶﾅ",
    ),
    "Chinese": ("红色连衣裙", "紅色連身裙", "男士运动鞋42码，包邮！", "一只狗在公园里跑", "𠮷野家"),
    "Georgian": ("წითელი კაბა",),
    "Armenian": ("կարմիր զգեստ", "ԿԱՐՄԻՐ"),
    "Amharic": ("ቀይ ቀሚስ",),
    "Cherokee": ("ᎩᎦᎨᎢ",),
    "Mongolian": ("ᠤᠯᠠᠭᠠᠨ",),
    "mixed": (
        "T-shirt (Größe M) – красный, 红色, أحمر",
        "iPhoneケース für 5€",
        "naïve café résumé",
        "東京 Tokyo Токио طوكيو",
        "שלום world مرحبا",
    ),
}

BROKEN_AS = (
    "latin-1",
    "cp1252",
    "cp1251",
    "cp1250",
    "cp1253",
    "cp1254",
    "cp1257",
    "iso-8859-2",
    "mac-roman",
    "cp437",
)
"""Single-byte encodings that UTF-8 is often mistaken for."""

COLOURS = ("red", "navy blue", "off-white", "Charcoal", "multi-coloured", "rosé", "black/white")
THINGS = (
    "cotton t-shirt",
    "women's running shoes",
    "Men’s slim-fit jeans",
    "kids' rain jacket",
    "merino-wool jumper",
    "leather tote bag",
    "oat milk 1L",
    "basmati rice, 2 x 500g",
    "crème fraîche 30%",
)
EXTRAS = (
    "",
    ", size M",
    " (pack of 3)",
    " – NEW!",
    " | Free shipping",
    " £19.99",
    " [2024]",
    ' 15.6"',
    " w/ hood & pockets",
)
TEMPLATES = (
    "a photo of a {}.",
    "a blurry photo of the {}",
    "itap of my {}",
    "{} on a white background",
    "Is this a {}?",
    "not a {}, but its box",
)

LONG = (
    "a dog runs after a ball and then " * 9,
    "A very long title, with commas; and - dashes! " * 12,
    "wordwithoutanyspaces" * 40,
    "红色连衣裙" * 30,
    "빨간 원피스 " * 20,
    "😀👗" * 40,
    "1234567890" * 12,
    "!?" * 200,
    "caf&eacute; " * 60,
    "naÃ¯ve cafÃ© " * 40,
    "line\n" * 120,
    "x " * 74,
    "x " * 75,
    "x " * 76,
    "x " * 77,
    "x " * 74 + "supercalifragilistic",
    "x " * 74 + "<end_of_text> y",
    "x " * 80 + "&EACUTE; <",
    " " * 600 + "after the spaces",
    "a" * 2000,
    "abc" * 700 + " end",
)

HUGE = (
    ("a photo of a dog, ", 60_000),
    ("x", 1_000_000),
    ("é ", 500_000),
    ("一只狗在公园里跑", 130_000),
    ("Tom &amp;amp; Jerry\n", 50_000),
    ("naÃ¯ve ", 150_000),
    ("\n", 4_000),
)
"""A unit and how often it comes: texts too long to be kept."""


def corpus() -> list[str]:
    """The texts, each once, in a fixed order."""
    return list(dict.fromkeys(_texts()))


def _texts() -> Iterator[str]:
    yield from PLAIN
    yield from CONTRACTIONS
    yield from NUMBERS
    yield from ADDRESSES
    yield from ESCAPES
    yield from SPECIAL_TOKENS
    yield from CHARACTERS
    yield from EMOJI
    sentences = [sentence for group in SENTENCES.values() for sentence in group]
    yield from sentences
    for i, sentence in enumerate(sentences):
        yield from (change(sentence) for change in (_CHANGES[i % len(_CHANGES)], str.upper))
    yield from _broken(sentences)
    for i, (colour, thing) in enumerate((c, t) for c in COLOURS for t in THINGS):
        title = f"{colour} {thing}"
        yield title + EXTRAS[i % len(EXTRAS)]
        yield TEMPLATES[i % len(TEMPLATES)].format(title)
    yield from LONG
    yield from _random(random.Random(77), 160)


_CHANGES: tuple[Callable[[str], str], ...] = (
    lambda text: unicodedata.normalize("NFD", text),
    lambda text: "".join(f"&#{ord(c)};" if ord(c) > 127 else c for c in text),
    lambda text: html.escape(f'<i class="x">{text}</i>'),
    lambda text: html.escape(html.escape(f"'{text}' & more")),
    lambda text: text.replace(" ", "\u00a0"),
    lambda text: "\u200b".join(text),
    lambda text: text.title(),
    lambda text: text[::-1],
    lambda text: f"\ufeff{text}\r\n",
    lambda text: "".join(f"&#x{ord(c):X};" for c in text),
)


def _broken(sentences: list[str]) -> Iterator[str]:
    """UTF-8 read as something else, once or twice, whole or in part, with or without losses."""
    for i, sentence in enumerate(s for s in sentences if not s.isascii()):
        encoding = BROKEN_AS[i % len(BROKEN_AS)]
        once = sentence.encode().decode(encoding, errors="replace")
        yield once
        yield sentence.encode().decode("cp1252", errors="ignore")
        if i % 3 == 0:
            yield sentence.encode().decode("latin-1").encode().decode("latin-1")
        elif i % 3 == 1:
            yield f"{once} · 红色"
        else:
            yield sentence.encode("utf-16-le").decode("latin-1")


_BLOCKS = (
    *[(0x20, 0x7E)] * 5,
    (0x00, 0x1F),
    (0x80, 0xFF),
    (0x100, 0x24F),
    (0x250, 0x2FF),
    (0x300, 0x36F),
    (0x370, 0x3FF),
    (0x400, 0x4FF),
    (0x590, 0x6FF),
    (0x900, 0x9FF),
    (0xE00, 0xE7F),
    (0x10A0, 0x11FF),
    (0x1E00, 0x1FFF),
    (0x2000, 0x22FF),
    (0x2460, 0x27BF),
    (0x3000, 0x30FF),
    (0x4E00, 0x9FA5),
    (0xAC00, 0xD7A3),
    (0xF900, 0xFFEF),
    (0x10300, 0x1044F),
    (0x1D400, 0x1D7FF),
)


def _random(rng: random.Random, count: int) -> Iterator[str]:
    known = unicodedata.ucd_3_2_0
    for _ in range(count):
        runs = []
        for _ in range(rng.randint(1, 9)):
            first, last = rng.choice(_BLOCKS)
            run = [chr(rng.randint(first, last)) for _ in range(rng.randint(1, 5))]
            runs.append("".join(c for c in run if known.category(c) != "Cn"))
        yield rng.choice(("", " ")).join(runs)
