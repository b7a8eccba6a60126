"""The languages of MEDLINE: their codes, and by which names and other codes a person may know them.

The codes are those of NLM's language table (https://www.nlm.nih.gov/bsd/language_table.html), which follows
ISO 639-2/B; the other codes are ISO 639-1 and ISO 639-2/T.
"""

from collections.abc import Mapping

LANGUAGES: Mapping[str, str] = {
    "afr": "Afrikaans", "alb": "Albanian", "amh": "Amharic", "ara": "Arabic", "arm": "Armenian", "aze": "Azerbaijani",
    "ben": "Bengali", "bos": "Bosnian", "bul": "Bulgarian", "cat": "Catalan", "chi": "Chinese", "cze": "Czech",
    "dan": "Danish", "dut": "Dutch", "eng": "English", "epo": "Esperanto", "est": "Estonian", "fin": "Finnish",
    "fre": "French", "geo": "Georgian", "ger": "German", "gla": "Scottish Gaelic", "gre": "Greek, Modern",
    "heb": "Hebrew", "hin": "Hindi", "hrv": "Croatian", "hun": "Hungarian", "ice": "Icelandic", "ind": "Indonesian",
    "ita": "Italian", "jpn": "Japanese", "kin": "Kinyarwanda", "kor": "Korean", "lat": "Latin", "lav": "Latvian",
    "lit": "Lithuanian", "mac": "Macedonian", "mal": "Malayalam", "mao": "Maori", "may": "Malay",
    "mul": "Multiple languages", "nor": "Norwegian", "per": "Persian", "pol": "Polish", "por": "Portuguese",
    "pus": "Pushto", "rum": "Romanian", "rus": "Russian", "san": "Sanskrit", "slo": "Slovak", "slv": "Slovenian",
    "spa": "Spanish", "srp": "Serbian", "swe": "Swedish", "tha": "Thai", "tib": "Tibetan", "tur": "Turkish",
    "ukr": "Ukrainian", "und": "Undetermined", "urd": "Urdu", "vie": "Vietnamese", "wel": "Welsh",
}  # fmt: skip
"""MEDLINE's three-letter codes and the English names of the languages."""

_OTHER_CODES = {
    "af": "afr", "sq": "alb", "sqi": "alb", "am": "amh", "ar": "ara", "hy": "arm", "hye": "arm", "az": "aze",
    "bn": "ben", "bs": "bos", "bg": "bul", "ca": "cat", "zh": "chi", "zho": "chi", "cs": "cze", "ces": "cze",
    "da": "dan", "nl": "dut", "nld": "dut", "en": "eng", "eo": "epo", "et": "est", "fi": "fin", "fr": "fre",
    "fra": "fre", "ka": "geo", "kat": "geo", "de": "ger", "deu": "ger", "gd": "gla", "el": "gre", "ell": "gre",
    "greek": "gre", "he": "heb", "hi": "hin", "hr": "hrv", "hu": "hun", "is": "ice", "isl": "ice", "id": "ind",
    "it": "ita", "ja": "jpn", "rw": "kin", "ko": "kor", "la": "lat", "lv": "lav", "lt": "lit", "mk": "mac",
    "mkd": "mac", "ml": "mal", "mi": "mao", "mri": "mao", "ms": "may", "msa": "may", "no": "nor", "fa": "per",
    "fas": "per", "pl": "pol", "pt": "por", "ps": "pus", "ro": "rum", "ron": "rum", "ru": "rus", "sa": "san",
    "sk": "slo", "slk": "slo", "sl": "slv", "es": "spa", "sr": "srp", "sv": "swe", "th": "tha", "bo": "tib",
    "bod": "tib", "tr": "tur", "uk": "ukr", "ur": "urd", "vi": "vie", "cy": "wel", "cym": "wel",
}  # fmt: skip
_BY_NAME = {name.casefold(): code for code, name in LANGUAGES.items()}


def language_code(name_or_code: str) -> str | None:
    """MEDLINE's code of a language; None where no language is called so.

    >>> language_code("German"), language_code("deu"), language_code("GER"), language_code("Germann")
    ('ger', 'ger', 'ger', None)
    """
    key = name_or_code.strip().casefold()
    return key if key in LANGUAGES else _OTHER_CODES.get(key) or _BY_NAME.get(key)
