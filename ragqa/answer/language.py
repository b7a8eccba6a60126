"""Which language a question is in, by its script and its commonest words: enough to tell what cannot be read.

Questions are short and full of Latin and Greek names, so only function words count, and English is assumed unless
another language has more of them.
"""

import re
import unicodedata

from ragqa.corpus.words import word_set

NAMES = {
    "en": "English", "fr": "French", "de": "German", "es": "Spanish", "it": "Italian", "pt": "Portuguese",
    "nl": "Dutch", "": "a language in another script",
}  # fmt: skip
_WORDS = {
    "en": word_set(
        """the a an of is are was were does do did can could has have with for and or in to by from what which who when
        where why how than that this these on at as be it its not any there should will may between after against"""
    ),
    "fr": word_set(
        """le la les un une des du de est sont était quel quelle quels quelles que qui quoi comment pourquoi dans avec
        pour par sur et ou au aux ce cette ces il elle y-a-t-il peut peuvent chez entre plus l d qu est-ce l'"""
    ),
    "de": word_set(
        """der die das den dem des ein eine einer einem einen ist sind war waren wird werden kann können hat haben
        welche welcher welches was wer wie warum wann wo mit für und oder im von bei auf durch nicht zu zur zum gegen
        gibt es
        hilft beim"""
    ),
    "es": word_set(
        """el la los las un una unos unas del de es son fue está están qué cuál cuáles quién cómo cuándo dónde por para
        con en y o al que se puede pueden hay entre más su cual como cuales que"""
    ),
    "it": word_set(
        """il lo la gli le un una uno dei delle della del di è sono quale quali che chi come perché dove quando con per
        nel nella negli degli nei sul sulla sulle agli e o al alla si può possono tra fra più"""
    ),
    "pt": word_set(
        """o os as um uma uns umas do da dos das de é são foi qual quais que quem como quando onde por para com em no na
        nos nas e ou ao se pode podem há entre mais"""
    ),
    "nl": word_set(
        """de het een van is zijn was waren wat welke wie hoe waarom wanneer waar met voor en of in op door niet bij kan
        kunnen heeft hebben tegen tussen er deze dit"""
    ),
}
_WORD = re.compile(r"[^\W\d_]+")
_LATIN = re.compile(r"\b(?:de novo|in (?:vitro|vivo|situ|utero)|per os|et al|cri du chat|torsades? de pointes)\b", re.I)
_SHARE_OF_SCRIPT = 0.5


def language_of(text: str) -> str:
    """The language of a question, ``en``, ``fr``, ``de``, ``es``, ``it``, ``pt`` or ``nl``; "" in another script.

    >>> language_of("Les statines préviennent-elles la démence?"), language_of("Do statins prevent dementia?")
    ('fr', 'en')
    >>> language_of("他汀类药物能预防痴呆吗?"), language_of("β-blockers in HFpEF")
    ('', 'en')
    """
    letters = [sign for sign in text if sign.isalpha()]
    foreign = sum(not unicodedata.name(sign, "").startswith(("LATIN", "GREEK")) for sign in letters)
    if letters and foreign > _SHARE_OF_SCRIPT * len(letters):
        return ""
    found = _WORD.findall(unicodedata.normalize("NFC", _LATIN.sub(" ", text)))
    names = {place for place, word in enumerate(found) if place and len(word) == 1 and word.isupper()}  # vitamin E
    words = [word.lower() for place, word in enumerate(found) if place not in names]
    counts = {code: sum(word in known for word in words) for code, known in _WORDS.items()}
    accents = sum(any(sign in "àâäçéèêëîïôöùûüßñóíáúãõ¿" for sign in word) for word in words) + ("¿" in text)
    best = max((code for code in _WORDS if code != "en"), key=lambda code: counts[code])
    told = counts[best] + bool(accents)
    return best if counts[best] and told >= 2 and told > counts["en"] else "en"
