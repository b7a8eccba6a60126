"""A message in its conversation → the question that it asks, completed by rule from the last topic, or none.

A message stands alone where it names a topic of its own. One that does not is completed where there is one way to
read it: a limit ("And in women?") is added to the last question that stood alone, an aspect ("Are they safe?") is
asked of its topic, a pronoun with a new predicate ("Do they prevent stroke?") is replaced by its subject. Whatever
could be read in two ways ("What about aspirin?") is asked back. The rules are for English.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ragqa.answer.assertion_words import WORDS
from ragqa.answer.dialogue import words
from ragqa.answer.dialogue.turn import Turn
from ragqa.answer.language import language_of
from ragqa.corpus.words import tokens, word_set

_LONGEST_TOPIC = 300
_LONGEST_LEANING = 2_000
"""Characters of a message; a longer one, such as a text that was pasted, tells by itself what it is about."""
_SHORT_IN_WORDS = 6
"""A message so short that is not in English leans on what was before it."""
_AUXILIARY = (
    r"(?:is|are|was|were|do|does|did|can|could|has|have|had|should|shall|will|would|may|might|must|isn't|aren't"
    r"|doesn't|don't|didn't|can't)"
)
_AUXILIARIES = word_set("is are was were do does did can could may might will would be")
_LED = re.compile(
    r"^(?:(?:and|but|or|so|then|also|ok|okay|well|now|thanks|thank you|great|right|yes|no)\b[\s,.!:-]*)+", re.IGNORECASE
)
_WHAT_ABOUT = re.compile(r"^(?:what|how) about\b\s*(?:the (?=\w+ (?:of|in)\b))?", re.IGNORECASE)
_ASKING = re.compile(rf"\b(?:{_AUXILIARY}|what|which|who|whom|whose|where|when|why|how)\b", re.IGNORECASE)
_REQUEST = re.compile(
    r"^(?:please )?(?:tell|explain|elaborate|summari[sz]e|describe|give|go on|more|list|name)\b", re.IGNORECASE
)
_HOLDS = re.compile(
    rf"^{_AUXILIARY}\s+(?:this|that|it|the same|these|those|they|that one)\s+(?:also |still |then |really |only )*"
    r"(?:be )?(?:true|the case|hold(?: true)?|apply|valid|so|work|the same|different|differ|effective|help|useful)"
    r"(?: also| too)?\b\s*(?P<limit>.*)$",
    re.IGNORECASE,
)
_POPULATION = "|".join(sorted(frozenset().union(*words.POPULATIONS) | {"patients", "people", "humans"}))
_LIMIT_BY_PEOPLE = re.compile(
    rf"\b(?:in|among|for) (?:(?:the|older|younger|healthy|{_POPULATION}) )*(?:{_POPULATION})\b"
    r"(?: (?:with|who|over|under|aged|above|below|without)\b[^?,;]*)?",
    re.IGNORECASE,
)
_PEOPLE = re.compile(rf"\b(?:in|among|for) (?:[\w-]+ ){{0,2}}(?:{_POPULATION})\b", re.IGNORECASE)
_NEW_CLAUSE = re.compile(
    r"\b(?:if|when|while|because|who|which|that|and|or|but|than|although|where)\b|,", re.IGNORECASE
)
_UNNAMED = re.compile(
    r"(?<!\bthe )(?<!\bthis )(?<!\bthat )(?<!\bthese )(?<!\bsuch )\b(?:treatments?|therap(?:y|ies)|drugs?|medications?"
    r"|medicines?|interventions?|procedures?)\b",
    re.IGNORECASE,
)
"""Things that may be the topic's, or others in their place."""
_EXPLETIVE = re.compile(r"\bit\b(?=\s+(?:[\w-]+\s+){0,3}(?:to|that|if|whether)\b)", re.IGNORECASE)
_PRONOUN = re.compile(
    r"\b(?:its?|they|them|their|theirs|he|she|him|his|hers?|these (?!days)|this(?! year)|the (?:same|former|latter)"
    r"|such (?!as)|those(?! (?:who|with|of|that|in|on|without|aged|from|receiving|taking|treated))"
    rf"|(?:^|(?<=\b))(?:{_AUXILIARY}|why is|of|in|for|with|about|than|after|before) that)\b",
    re.IGNORECASE,
)
_SUBJECT_PRONOUN = re.compile(rf"^(?:[\w-]+ ){{0,3}}?{_AUXILIARY} (?P<pronoun>it|they)\b", re.IGNORECASE)
_SUBJECT = re.compile(rf"^(?P<auxiliary>{_AUXILIARY}) (?P<rest>.+)$", re.IGNORECASE)
_FURTHER_VERBS = word_set(
    """replace keep protect lead tell respond rebound restore predict influence associate treat need require justify
    detect diagnose lower raise save spare allow provide offer"""
)
_OPENING = re.compile(
    rf"^(?:{_AUXILIARY}|(?:which|what|how|when|where|why|who)(?: (?:is|are|do|does|did|should|can))?)\s+(?:it )?", re.I
)


@dataclass(frozen=True, slots=True)
class Understood:
    """How a message is read.

    Attributes
    ----------
    question
        What is asked; "" where that is not clear.
    topic
        The earlier question that it was completed from; "" where it stands alone.
    limit
        What the message adds to the topic: an article must speak of it, too.
    is_aspect
        Whether the very words that an answer rests on must speak of the limit, not only their article.
    suggestion
        Where it is not clear, the likeliest reading; "" for none.
    """

    question: str
    topic: str = ""
    limit: str = ""
    suggestion: str = ""
    is_aspect: bool = False

    @property
    def is_completed(self) -> bool:
        """Whether the question is another than what was written."""
        return bool(self.topic) and bool(self.question)


def understand(message: str, earlier: Sequence[Turn]) -> Understood:
    """Read a message after the turns before it, the oldest first.

    >>> said = [Turn("user", "Do statins prevent atrial fibrillation?"), Turn("assistant", "Yes.")]
    >>> understand("And in women?", said).question
    'Do statins prevent atrial fibrillation in women?'
    >>> understand("Are they safe?", said).question
    'Statins, atrial fibrillation: are they safe?'
    >>> understand("What about aspirin?", said).question
    ''
    >>> understand("Does metformin lower mortality in diabetes?", said).question
    'Does metformin lower mortality in diabetes?'
    """
    topic = suggestion = ""
    for turn in earlier:
        if turn.role != "user":
            continue
        read = _read(_short(turn.text), topic, suggestion)
        suggestion = read.suggestion
        if read.question and not read.topic:
            topic = read.question
    return _read(message, topic, suggestion)


def asking_back(message: str, read: Understood, earlier: Sequence[Turn]) -> str:
    """The sentence that asks what an unclear message means."""
    said = f"It is not clear what “{_short(message.strip())}” asks"
    if not any(turn.role == "user" for turn in earlier):
        return f"{said}. Ask a whole question, for example: Do statins reduce atrial fibrillation after bypass surgery?"
    if read.suggestion:
        return f"{said} here. Say “yes” if you mean: {read.suggestion} Else ask it as a whole question."
    return f"{said} here: it could be read in several ways. Ask it as a whole question that names its topic."


def _read(message: str, topic: str, suggestion: str) -> Understood:
    text = message.strip()
    said = tokens(text)
    if suggestion and said and words.CONSENT.issuperset(said):
        return Understood(suggestion, topic, "")
    if not said or words.SMALL_TALK.issuperset(said):
        return Understood("")
    if len(text) > _LONGEST_LEANING:
        return Understood(text)
    bare = _LED.sub("", text) or text
    is_led = bare != text or _WHAT_ABOUT.match(bare) is not None
    if topic and language_of(bare) not in {"en", ""} and len(said) <= _SHORT_IN_WORDS:
        return Understood("")
    if topic:
        return _after(topic, text, bare, is_led=is_led)
    leans = is_led or _pronoun(bare) or not _ASKING.search(bare)
    telling = words.own_words(bare) or (not leans and len(words.populations(bare)) > 0)
    return Understood(text if telling else "")


def _after(topic: str, text: str, bare: str, *, is_led: bool) -> Understood:
    own = words.own_words(bare)
    if (holds := _HOLDS.match(bare.rstrip("?! ."))) is not None:
        limit = holds["limit"].strip()
        return _limited(topic, limit) if limit else Understood(topic, topic, "")
    if _WHAT_ABOUT.match(bare) or not (_ASKING.search(bare) or _REQUEST.match(bare)):
        return _fragment(topic, text, _WHAT_ABOUT.sub("", bare), is_led=is_led)
    known = set(words.own_words(topic))
    new = [word for word in own if word not in known]
    if _pronoun(bare):
        return _with_subject(topic, bare) if new else _aspect(topic, bare)
    is_elliptic = bool(words.ELLIPTIC.intersection(tokens(bare)))
    if not own:
        return Understood("") if is_elliptic and _UNNAMED.search(bare) else _aspect(topic, bare)
    if len(own) == 1 and is_elliptic:
        return Understood("") if new else _aspect(topic, bare)
    return Understood(_capital(bare) if is_led else text)


def _fragment(topic: str, text: str, bare: str, *, is_led: bool) -> Understood:
    """A message without a verb: a limit, an aspect, or a name."""
    said = tokens(bare)
    own = words.own_words(bare)
    if said and said[0] in words.RESTRICTING:
        return _limited(topic, bare)
    if not own and words.populations(bare):
        return _limited(topic, f"in {bare}")
    if not own:
        is_plain = words.demands(bare) or words.OF_THE_ANSWER.intersection(said) or "really" in said
        return _aspect(topic, bare) if is_plain else Understood("")
    return Understood("") if is_led or len(own) == 1 else Understood(text)


def _limited(topic: str, limit: str) -> Understood:
    """The topic with a limit, which takes the place of one of the same kind."""
    limit = re.sub(r"^to\b", "in", _small(limit.rstrip("?! .")))
    bare = topic.rstrip("?! .")
    by_people = _LIMIT_BY_PEOPLE.search(f" {limit}")
    before = _LIMIT_BY_PEOPLE.search(bare)
    if by_people and before and not words.own_words(before[0]):
        question = f"{bare[: before.start()]}{limit}{bare[before.end() :]}?"
    else:
        question = f"{bare}{',' if _PEOPLE.search(bare) else ''} {limit}?"
    outside = _LIMIT_BY_PEOPLE.sub(" ", f" {limit}")
    if words.own_words(outside) or tokens(limit)[:1] == [] or tokens(limit)[0] not in words.RESTRICTING:
        return Understood("", suggestion=question)
    return Understood(question, topic, limit)


def _aspect(topic: str, asked: str) -> Understood:
    """The message, asked of the topic."""
    said = tokens(asked)
    if _REQUEST.match(asked) or set(said) <= {"really", "sure", "you", "are", "is", "that", "it", "so", "certain"}:
        question = f"{_phrase(topic)}: what is known?" if _REQUEST.match(asked) else topic
        return Understood(question, topic, "")
    return Understood(f"{_phrase(topic)}: {_small(asked).rstrip('?! .')}?", topic, asked, is_aspect=True)


def _with_subject(topic: str, asked: str) -> Understood:
    """The message with the subject of the topic for its pronoun; nothing where the subject is not plain."""
    subject = _subject(topic)
    found = _SUBJECT_PRONOUN.match(asked)
    if not subject or not found:
        return Understood("")
    is_plural = subject.endswith("s") and not subject.endswith(("ss", "us", "is"))
    if is_plural != (found["pronoun"].lower() == "they"):
        return Understood("")
    question = f"{asked[: found.start('pronoun')]}{subject}{asked[found.end('pronoun') :]}"
    return Understood(question, subject, asked)


def _subject(topic: str) -> str:
    """What the topic's verb says something of, "statins" of "Do statins prevent stroke?", or "" if it is not plain."""
    opened = _SUBJECT.match(topic.rstrip("?! ."))
    if opened is None or opened["auxiliary"].lower() not in {"do", "does", "did", "can", "could", "will", "should"}:
        return ""
    said = opened["rest"].split()
    for place, word in enumerate(said[1:5], start=1):
        if _is_verb(word):
            return " ".join(said[:place])
        if word.lower() in {"of", "in", "and", "or", "for", "with", "after", "before"}:
            return ""
    return ""


def _phrase(topic: str) -> str:
    """The topic as a phrase without its auxiliaries and the verbs that say more or less.

    >>> _phrase("Do statins prevent stroke?")
    'Statins, stroke'
    """
    said = _OPENING.sub("", topic.rstrip("?! .")).split()
    kept = ["," if _is_verb(word) else word for word in said if word.lower() not in _AUXILIARIES]
    return _capital(re.sub(r"\s*,(?:\s*,)*", ",", " ".join(kept)).strip(" ,"))


def _is_verb(word: str) -> bool:
    forms = WORDS.get(word.lower(), ())
    return word.lower() in _FURTHER_VERBS or any(form.form in {"base", "s"} for form in forms)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:] if text[1:2].islower() or text[1:2] == " " else text


def _small(text: str) -> str:
    """The text with a small first letter, unless its first word is a name in capitals."""
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text


def _pronoun(text: str) -> bool:
    """Whether a pronoun stands for something outside the message."""
    plain = _EXPLETIVE.sub(" ", text) if words.own_words(text) else text
    return any(not _has_antecedent(plain[: found.start()]) for found in _PRONOUN.finditer(plain))


def _has_antecedent(before: str) -> bool:
    """Whether a pronoun can stand for something in the message before it: a name in an earlier clause."""
    clauses = _NEW_CLAUSE.split(before)
    return len(clauses) > 1 and bool(words.own_words(" ".join(clauses[:-1])))


def _short(text: str) -> str:
    """A long text cut to its last question."""
    if len(text) <= _LONGEST_TOPIC:
        return text
    asked = text[: text.rfind("?") + 1][-_LONGEST_TOPIC:]
    begin = max(asked.rfind(sign, 0, -1) for sign in ".?!\n") + 1
    return (asked[begin:] or text[:_LONGEST_TOPIC]).strip()
