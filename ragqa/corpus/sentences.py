"""Where sentences begin and end in biomedical prose.

Rules over candidate marks, made for abstracts: abbreviations, initials and species names, decimals, statistics
("P=.03"), brackets, citations after a full stop, gene names that begin in lower case, and old records without a
space after the full stop. Offsets are exact whatever the text holds, because nothing is normalised.
"""

import re
from bisect import bisect_right


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# A run of marks, what may close after them (quotes, brackets, a numbered citation), and then space, the end, or
# a capital letter at once; or a mark of a script that sets no space; or an empty line.
_CANDIDATE = re.compile(
    r"""(?<![.!?…])(?P<mark>[.!?…]+)(?P<close>["'”’»)\]}]*)"""
    r"""(?:\s?\[\d{1,3}(?:\s?[,–-]\s?\d{1,3})*\]|(?<=[a-z]{3}\.)\d{1,3}(?:[,–-]\d{1,3})*(?=\s+[A-Z]))?"""
    r"""(?=\s|[A-Z]|\(ABSTRACT TRUNCATED)"""
    r"""|(?P<script>[。！？｡।؟۔]+["'”’»）」』]*)"""
    r"""|(?P<gap>\n\s*\n)"""
)
_BRACKET = re.compile(r"[()\[\]]")
_PREVIOUS_WORD = re.compile(r"[^\s(\[{\"“”'‘’/–—]*\Z")
_NEXT_WORD = re.compile(r"\s*[\"'“‘«(\[{]*(?P<word>[^\s,;:.?!)\]}”’\"]*)")
_INITIALISM = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]\Z")
_UNUSUAL_START = re.compile(
    r"[a-zα-ω][a-zα-ω]?-\w|[a-zα-ω]{1,5}\d|[a-z]{1,4}[A-ZΑ-Ω]|[α-ωΑ-Ω]|[a-z]{1,5}\("
    r"|(?:alpha|beta|gamma|delta|kappa|omega|cis|trans|meta|para|ortho)-"
)
_COMMA_START = re.compile(r"\s+,\s+[\"'(]?[A-Z0-9]")
_ENUMERATION = re.compile(r"(?:\A\s*|[.:;,)]\s*)\(?\d{1,2}\Z")
_LONGEST_BRACKET = 600

# After these a sentence goes on, whatever follows.
_NEVER_LAST = _words(
    "e.g eg i.e vs v.s cf viz dr drs prof mr mrs ms fig figs eq eqs eqn ref refs approx ca resp incl esp"
)
# After these it goes on when a number follows.
_BEFORE_NUMBER = _words(
    "no nos nr vol vols pp p pt ch chap sect sec tab tabs art suppl ver v n c ed jan feb mar apr jun jul aug sep sept "
    "oct nov dec lot cat exp"
)
# After these it ends only when a word follows that usually begins a sentence.
_SELDOM_LAST = _words(
    "al etc inc ltd co corp jr sr st sp spp ssp subsp var cv gen nov wt dept univ assoc st ste mt ft a.k.a bros lab "
    "labs gmbh ph.d m.d hosp inst int natl med surg am eur "
    "biol chem clin engl sci acad proc"
)
_STARTERS = _words(
    "a about according additionally after all also although among an analysis and another any as at based because "
    "before besides between both but by can compared consequently conclusion conclusions current data despite due "
    "during each eight eighteen eighty eleven even every evidence fifteen fifty finally findings first five following "
    "for forty four fourteen from further furthermore given he here her his how however i if importantly in indeed "
    "instead interestingly is it its later many mean median methods moreover most mutations neither nevertheless nine "
    "no none notably of on one only other others our out over overall participants patient patients previous recent "
    "recently regarding relative results second seven seventy several she similarly since six sixteen sixty some "
    "studies study subsequently such taken ten than that the their then there therefore these they thirteen thirty "
    "this those three through thus to together treatment twelve twenty two under unlike until upon using was we were "
    "what when whereas whether which while who why with within without women men yet"
)
_LOWER_STARTERS = _words("the this these those we it our however there in patients results conclusion")
# Nouns that are named by a letter ("vitamin D."): the letter ends a sentence there.
_LETTERED = _words(
    "vitamin vitamins hepatitis type types group groups class grade protein factor cyclosporin cyclosporine "
    "amphotericin toxin influenza immunoglobulin haemophilia hemophilia model arm cohort stage region site series "
    "patient case panel part phase subtype category schedule regimen cathepsin cytochrome antigen subunit virus "
    "apolipoprotein penicillin granzyme"
)
_DOMAINS = _words("gov com org net edu")


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Split running text into sentences.

    Parameters
    ----------
    text
        Any text; nothing in it is changed.

    Returns
    -------
    list of (int, int)
        ``(begin, end)`` offsets in characters, in order, without overlaps. No sentence begins or ends with white
        space, and together they cover every other character of the text.

    Examples
    --------
    >>> text = "E. coli grew (Fig. 2; P=.03). p53 did not, e.g. in S. aureus.The rest died."
    >>> [text[begin:end] for begin, end in split_sentences(text)]
    ['E. coli grew (Fig. 2; P=.03).', 'p53 did not, e.g. in S. aureus.', 'The rest died.']
    """
    brackets = _bracket_ends(text)
    sentences: list[tuple[int, int]] = []
    begin = 0
    for match in _CANDIDATE.finditer(text):
        if match.lastgroup in {"script", "gap"} or _ends_sentence(text, begin, match, brackets):
            begin = _add_sentence(text, begin, match.end(), sentences)
    _add_sentence(text, begin, len(text), sentences)
    return sentences


def _add_sentence(text: str, begin: int, end: int, sentences: list[tuple[int, int]]) -> int:
    """Append ``text[begin:end]`` without surrounding white space, if anything is left; give back ``end``."""
    piece = text[begin:end]
    stripped = piece.strip()
    if stripped:
        start = begin + len(piece) - len(piece.lstrip())
        sentences.append((start, start + len(stripped)))
    return end


def _bracket_ends(text: str) -> list[tuple[int, int]]:
    """Outermost bracketed stretches ``(begin, end)`` in order, both brackets included; unmatched ones are left out."""
    stretches: list[tuple[int, int]] = []
    opened: list[int] = []
    for match in _BRACKET.finditer(text):
        position = match.start()
        if text[position] in "([":
            if opened and position - opened[0] > _LONGEST_BRACKET:
                opened.clear()
            opened.append(position)
        elif opened:
            start = opened.pop()
            if not opened and position - start <= _LONGEST_BRACKET:
                stretches.append((start, position + 1))
    return stretches


def _ends_sentence(text: str, begin: int, match: re.Match[str], brackets: list[tuple[int, int]]) -> bool:
    mark, end = match.end("mark"), match.end()
    # A mark inside brackets ends a sentence only where the bracket closes with it.
    inside = bisect_right(brackets, (mark, 0)) - 1
    if inside >= 0 and end < brackets[inside][1]:
        return False
    following = _NEXT_WORD.match(text, end)
    word = following["word"] if following else ""
    if not word:
        return _COMMA_START.match(text, end) is not None  # "…. , Main results, Six trials", as some sources print it
    previous = _word_before(text, begin, match.start("mark"))
    if not text[end].isspace() and not _may_follow_without_space(text, match, previous, word):
        return False
    if text[mark - 1] != "." or mark - match.start("mark") > 1 or match["close"]:
        return _looks_like_start(word)
    return _full_stop_ends(text, begin, match.start("mark"), previous, word)


def _word_before(text: str, begin: int, end: int) -> str:
    found = _PREVIOUS_WORD.search(text, max(begin, end - 40), end)
    return found.group() if found else ""


def _may_follow_without_space(text: str, match: re.Match[str], previous: str, word: str) -> bool:
    if word.lower() in _DOMAINS:
        return False
    if text[match.end()] == "(":  # "(ABSTRACT TRUNCATED AT …"
        return True
    before = text[match.start("mark") - 1 : match.start("mark")]
    long_enough = len(previous) >= 3 and previous.isalpha() and previous.islower()
    if not (long_enough or before in "%)]" or (before.isdigit() and not previous.isalpha()) or match["close"]):
        return False
    return word.lower() in _STARTERS or (len(word) > 2 and word[1:].replace("-", "").islower())


def _looks_like_start(word: str) -> bool:
    first = word[0]
    if first.isupper() or first.isdigit():
        return True
    if first.islower():
        return _UNUSUAL_START.match(word) is not None
    return True


def _full_stop_ends(text: str, begin: int, dot: int, previous: str, word: str) -> bool:
    lowered = previous.lower()
    if lowered in _NEVER_LAST:
        ends = False
    elif word[0].isdigit():
        ends = not _goes_on_with_number(text, begin, dot, lowered)
    elif word[0].islower() and not _UNUSUAL_START.match(word):
        ends = len(previous) > 3 and previous.isalpha() and previous.islower() and word in _LOWER_STARTERS
    elif lowered in _SELDOM_LAST or _INITIALISM.match(previous):
        ends = word.lower() in _STARTERS
    elif len(previous) == 1 and previous.isalpha():
        ends = _letter_ends(text, begin, dot, previous, word)
    elif previous.isdigit() and len(previous) <= 2:
        ends = _ENUMERATION.search(text[max(begin, dot - 12) : dot]) is None
    else:
        ends = True
    return ends


def _goes_on_with_number(text: str, begin: int, dot: int, previous: str) -> bool:
    if previous in _BEFORE_NUMBER or previous in _SELDOM_LAST:
        return True
    if len(previous) == 1:  # "0. 05", "n. 3", a list number
        return True
    return not previous and dot > begin and text[dot - 1] not in ')]}"”’%'


def _letter_ends(text: str, begin: int, dot: int, letter: str, word: str) -> bool:
    if letter.islower():
        return True
    if word.lower() in _STARTERS and word.lower() not in {"a", "i"}:
        return True
    end = dot - 1
    while end > begin and text[end - 1].isspace():
        end -= 1
    noun = _word_before(text, begin, end)
    return noun.lower() in _LETTERED
