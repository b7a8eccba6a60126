"""Who was studied, what was done, beside what, and for which outcome: by labelled parts and set phrases."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ragqa.corpus.sentences import split_sentences
from ragqa.corpus.text import abstract_sections, title_of
from ragqa.types import Document

_LONGEST = 200
_PEOPLE = (
    r"(?:patients?|participants?|subjects?|women|men|children|adults|infants?|neonates|newborns|adolescents|students|"
    r"volunteers|individuals|persons|people|residents|veterans|mothers|girls|boys|nurses|physicians|survivors|"
    r"smokers)"
)
_WHICH = (
    r"(?:with(?! or )|without|undergoing|who (?:had|have|underwent|were|received|are)|aged|receiving|"
    r"scheduled for|suffering from|"
    r"diagnosed with|treated with|admitted (?:to|with|for)|presenting with|at (?:high |increased |"
    r"low )?risk (?:of|for))"
)
_KINDS = (
    r"(?:(?!(?:of|in|the|and|or|for|to|by|with|all|these|those|both|some|most|our|more|many|were|was|"
    r"assign\w*|we|enrolled|included|studied|recruited|evaluated|that|among|amongst|from|when|is|are|only|"
    r"whether|these|than|two|three|four|number|total)\b)[A-Za-z][\w-]* ){0,4}?"
)
_GROUPS = rf"(?:{_PEOPLE} (?:and|or) )?{_PEOPLE}"
_LIST = re.compile(r", (?:[\w-]+ ){0,4}?[\w-]+(?:, [^,.;]{1,40})*,? (?:and|or) ")
_END = (
    r"(?=[,;:.()\[]|\s(?:were|was|is|are|had|have|has|to|from|in a|in the|at the|between|during|by|using|as|"
    r"in order|compared|versus|"
    r"vs|randomly|randomi[sz]ed|received|participated|underwent|completed|present|presented|revealed|shows?|"
    r"and (?:\d|of|healthy|controls)|who|on)\b|\Z)"
)
_COUNTED = re.compile(rf"(?i)(?<![\w.,/-])\d[\d, ]* (?P<who>{_KINDS}{_GROUPS} {_WHICH} (?:[^,;:.()\[\]]+?)){_END}")
_IN_TITLE = re.compile(rf"(?i)\b(?:in|among|of|for) (?P<who>{_KINDS}{_GROUPS}(?: {_WHICH} (?:[^,;:.()\[\]]+?))?){_END}")

_ARM = r"(?:[^,;:.()\[\]]|\([^()]{1,40}\)){2,90}?"
_ASIDE = r"(?:\s*\([^()]{1,60}\))?"
_ASSIGNED = re.compile(
    r"(?i)\b(?:randomi[sz]ed|randomly (?:assigned|allocated)|assigned|allocated|randomi[sz]ation)(?:\s+\([^()]*\))?"
    r"(?:\s+(?:in a )?(?:\d:\d|1:1 ratio|equally))?,? (?:to|into) (?:receive |undergo |either |"
    r"treatment with |a |an )*"
    rf"(?P<one>{_ARM}){_ASIDE},? (?:or|versus|vs\.?) (?:to (?:receive )?|an? )?(?P<other>{_ARM})"
    r"(?=[,;:.()\[]|\s(?:for|in addition|during|over|before|after|and (?:followed|were)|once|twice|daily|in a|"
    r"from|at|every)\b|\Z)"
)
_VERSUS = re.compile(
    rf"(?i)(?:\A|[:.?] |\bcomparison of |\bcomparing |\b(?:effects?|efficacy|safety|effectiveness) of )"
    rf"(?:the )?(?:(?:effects?|efficacy|safety|effectiveness)(?: and \w+)? of )?"
    rf"(?P<one>{_ARM}) (?:versus|vs\.?|compared (?:with|to)|in comparison (?:with|to)) (?P<other>{_ARM})"
    r"(?=[,;:.()\[?]|\s(?:for|in|on|as|among|after|during|before|by|to|when|at|following)\b|\Z)"
)
_EFFECT = re.compile(
    r"(?i)\b(?:effects?|impact|influence)(?: and \w+)? of (?:a |an |the )?"
    rf"(?P<one>{_ARM}) (?:on|upon) (?:the )?(?P<outcome>[^;:.()\[\]?]{{3,120}}?)"
    r"(?=[;:.()\[?]|\s(?:in|among|after|during|following|with|by|of patients)\b|\Z)"
)
_EFFICACY = re.compile(
    r"(?i)\b(?:efficacy|effectiveness|safety|use)(?: (?:and|or) \w+)? of (?:a |an |the )?"
    rf"(?P<one>{_ARM})(?=, (?:an?|the) |[;:.()\[?]|\s(?:for|in|on|as|among|after|during|to|versus|vs|compared|"
    rf"before)\b|\Z)"
)
_DOES = re.compile(
    r"(?i)\A(?:does|do|can) (?P<one>[^,;:.()\[\]?]{2,80}?) (?:improve|reduce|increase|decrease|affect|"
    r"influence|prevent|predict|"
    r"lower|worsen|alter|change) (?:the )?(?P<outcome>[^;:.()\[\]?]{3,100}?)(?=[;:.()\[?]|\s(?:in|among|after|"
    r"during|following|for)\b|\Z)"
)
_PRIMARY = re.compile(
    r"(?i)(?:\A|[:;,] )(?:the |our |and )*(?:primary|main|principal) (?:\w+ )?(?:outcomes?|"
    r"end[\s-]?points?)(?: measures?| variables?)?(?: of the (?:study|trial))?,? "
    r"(?:was|were|is|are|included|comprised|measured was) (?:defined as |the )?"
    r"(?P<outcome>(?!reduced|increased|improved|met|not|similar|achieved|significantly|lower|higher)[^;.]{3,180}?)"
    r"(?=[;.]|, (?:and |while |whereas )?(?:the )?(?:secondary|assessed|measured|defined|which|as)\b|\Z)"
)
_WHO_LABEL = re.compile(
    r"(?i)(?:study )?(?:patients?|participants?|subjects?|populations?|sample)(?: (?:and|&) setting)?|"
    r"(?:setting|design)(?: ?(?:,|and|&) ?)(?:patients|participants|subjects)|types? of participants"
)
_DONE_LABEL = re.compile(r"(?i)interventions?(?:\(s\))?")
_OUTCOME_LABEL = re.compile(
    r"(?i)(?:(?:main|primary|principal) )?outcomes?(?: and)?(?: measures?| measurements?)?(?:\(s\))?|(?:main|"
    r"primary) (?:outcomes?|end[\s-]?points?)(?: \w+)?"
)
_TASK = re.compile(
    r"(?i)\A.*\b(?:(?:to|that) (?:evaluate|compare|assess|determine|test|investigate)d?|evaluation of|comparison of|"
    r"comparing|trials? of|study of|(?:effects?|efficacy|safety|effectiveness|use|impact) of)\s+(?:the |an? )?"
)
_STUDY = re.compile(r"(?i)\b(?:study|trials?|analysis|review|protocol|comparison|(?:effects?|efficacy) of)\b")
_CONTROL = re.compile(
    r"(?i)(?:the |an? )?(?:matching |oral )?(?:placebo|usual|standard|sham|no |control|conventional|routine|wait)"
)
_PLACEBO = re.compile(
    r"(?i)\bplacebo[\s-]+controlled|\b(?:compared (?:with|to)|versus|vs\.?|or) (?:a |matching )*placebo\b|"
    r"\bplacebo group\b"
)
_THIRD = re.compile(r"(?i)[^,;.()]{0,20}(?:\([^()]*\))?,? (?:or|versus|vs\.?) ")
_FRAGMENT = re.compile(
    r"(?i)(?:\A|\|)(?:does|do|is|are|have|be|in|keep\w*|complet\w*|early|late|immediate|high|low|"
    r"\d+\W*)\b(?:\Z|\||\s)"
    r"|\s\d+(?:\||\Z)|\|\d|\b(?:it|they|that|either|not)\b"
)
_ANY_PEOPLE = re.compile(rf"(?i)\b{_PEOPLE}\b")
_HOLLOW = re.compile(
    r"(?i)(?:an?|the|one of|two|three|four|five|six|either|each|both|groups?|treatments?|arms?|control|intervention|"
    r"different|study|group [a-z\d]+|1|2|this|these|it|its|that|and|or|other|we)(?: (?:groups?|treatments?|"
    r"arms?|of|control|intervention|study))*"
)


@dataclass(frozen=True, slots=True)
class Arms:
    """The parts of a study's question; each "" where the text does not tell it plainly."""

    population: str = ""
    intervention: str = ""
    comparator: str = ""
    outcome: str = ""


def arms(document: Document) -> Arms:
    """The population, intervention, comparator and outcome that the title and the abstract name.

    A part with a heading of its own ("PARTICIPANTS") comes before phrases, the abstract before the title.
    """
    title = title_of(document)
    sentences = list(_sentences(document))
    one, other = _compared(sentences, title)
    done = one or _labelled(document, _DONE_LABEL) or _from_title(title, "one")
    if done and not other and any(_PLACEBO.search(text) for text in (title, *sentences)) and "placebo" not in done:
        other = "placebo"
    return Arms(
        population=_labelled(document, _WHO_LABEL) or _population(sentences, title),
        intervention=done,
        comparator=other,
        outcome=_labelled(document, _OUTCOME_LABEL)
        or _first(_PRIMARY, "outcome", sentences)
        or _from_title(title, "outcome"),
    )


def _sentences(document: Document) -> Iterator[str]:
    for section in abstract_sections(document):
        if section.category != "BACKGROUND":
            for begin, end in split_sentences(section.text):
                yield section.text[begin:end]


def _labelled(document: Document, label: re.Pattern[str]) -> str:
    """The first sentence below a heading of just that meaning."""
    for section in abstract_sections(document):
        if label.fullmatch(section.label.strip().rstrip(":")):
            begin, end = next(iter(split_sentences(section.text)), (0, 0))
            return _kept(section.text[begin:end])
    return ""


def _population(sentences: list[str], title: str) -> str:
    return _first(_IN_TITLE, "who", [title]) or _first(_COUNTED, "who", sentences)


def _compared(sentences: list[str], title: str) -> tuple[str, str]:
    for pattern, texts in ((_ASSIGNED, sentences), (_VERSUS, [title])):
        for text in texts:
            for found in pattern.finditer(text):
                one, other = _kept(_TASK.sub("", found["one"])), _kept(found["other"])
                if (
                    one
                    and other
                    and not _FRAGMENT.search(f"{one}|{other}")
                    and not _THIRD.match(text, found.end("other"))
                    and not _STUDY.search(one)
                ):
                    return (other, one) if _CONTROL.match(one) and not _CONTROL.match(other) else (one, other)
    return "", ""


def _from_title(title: str, part: str) -> str:
    patterns = (_EFFECT, _DOES, _EFFICACY) if part == "one" else (_EFFECT, _DOES)
    found = next((text for pattern in patterns if (text := _first(pattern, part, [title]))), "")
    return "" if _ANY_PEOPLE.search(found) or _STUDY.search(found) else found


def _first(pattern: re.Pattern[str], part: str, texts: list[str]) -> str:
    return next((kept for text in texts if (found := pattern.search(text)) and (kept := _part(found, part))), "")


def _part(found: re.Match[str], part: str) -> str:
    """What a phrase names; "" where it is only the first of a list, or ends amid a range."""
    rest = found.string[found.end(part) :]
    is_cut = found[part][-1:].isdigit() and rest.startswith((" to ", " and ", "–", "-", "."))
    return "" if is_cut or (part != "outcome" and _LIST.match(rest)) else _kept(found[part])


def _kept(text: str) -> str:
    """The text without what closes it; "" where it is too long to be one thing, or says nothing by itself."""
    bare = text.strip().rstrip(".;:, ")
    return "" if len(bare) > _LONGEST or _HOLLOW.fullmatch(bare) or len(bare) < 3 else bare
