"""The words by which a message leans on what was asked before it: they limit it or ask for an aspect, no more."""

from ragqa.corpus.words import STOPWORDS, stem, tokens, word_set


def _groups(table: str) -> tuple[frozenset[str], ...]:
    return tuple(word_set(line) for line in table.strip().splitlines())


POPULATIONS = _groups(
    """
    women woman female females girl girls sex gender sexes
    men man male males boy boys sex gender sexes
    child children kid kids paediatric pediatric boy boys girl girls toddler toddlers infant infants
    infant infants newborn newborns neonate neonates neonatal baby babies preterm premature
    adolescent adolescents teenager teenagers teens youth youths young
    adult adults
    elderly senior seniors older old aged geriatric age ages
    pregnant pregnancy pregnancies gravid gestation gestational
    diabetic diabetics diabetes
    smoker smokers smoking smoke smoked
    obese obesity overweight
    animal animals rat rats mouse mice
    black blacks white whites race racial ethnicity ethnic
    """
)
"""Words for the people (or animals) whom a finding holds for; each line is met by any of its words."""

ASPECTS = _groups(
    """
    safe safer safety side adverse harm harms harmful risk risks risky complication complications danger \
    dangerous toxic toxicity
    dose doses dosage dosages mg daily amount
    cost costs price prices expensive cheap cheaper economic economical affordable
    year years yearly annual annually
    month months monthly
    week weeks weekly
    day days
    hour hours
    minute minutes
    long longer duration length short shorter term year years month months week weeks day days hour hours minute minutes
    alternative alternatives instead other option options
    common frequent often rare rarely prevalence incidence
    severe mild serious severity
    """
)
"""Words for what can be asked of any topic; a word is met by any word of the first line that has it."""

NEUTRAL = word_set(
    """patient patients people person persons individual individuals participant participants subject subjects human
    humans group groups study studies trial trials research evidence data article articles paper papers treatment
    treatments therapy therapies drug drugs medication medications medicine medicines intervention interventions
    procedure procedures effect effects effective effectively effectiveness efficacy work works working help helps
    helpful useful benefit benefits beneficial true hold holds apply applies valid same also too well really sure
    certain know known mean means say says tell more much many result results outcome outcomes finding findings
    conclusion conclusions case good better bad worse best matter matters recommended recommend recommendation use
    question answer information detail details explain explanation elaborate summarise summarize summary difference
    different differ compare compared happen happens reason reasons cause causes exactly quite very there any ones one
    two three four five six seven eight nine ten twelve half first second again further likely
    large small big strong significant chronic acute last lasts take takes taken given start starts
    started"""
)
"""Words that neither name a topic nor ask for a certain aspect."""

ELLIPTIC = word_set(
    """help helps work works matter matters better worse safer useful effective enough sufficient too also instead
    either else differ beneficial alternative"""
)
"""Words that want a completion: help with what, better than what."""

OF_THE_ANSWER = word_set(
    """study studies trial trials research evidence data result results outcome outcomes finding findings conclusion
    conclusions detail details explanation reason reasons cause causes effect effects difference differences more"""
)
"""Words that ask for more of an answer."""

SMALL_TALK = word_set(
    """hello hi hey thanks thank thx bye goodbye cool great nice wow hmm test ping please good morning evening yes no
    yep yeah nope okay ok sure right exactly correct indeed you"""
)
CONSENT = word_set("yes yep yeah sure right exactly correct ok okay please indeed do that")
RESTRICTING = word_set("in for among amongst with without after before during over under within at on by if when")
"""Words that begin a limit: "in women", "after five years"."""

_PEOPLE = frozenset().union(*POPULATIONS)
_LIMITS = _PEOPLE.union(*ASPECTS)


def own_words(text: str) -> list[str]:
    """The words that name a topic of their own, in order.

    >>> own_words("And in older women?"), own_words("Does metformin lower mortality?")
    ([], ['metformin', 'lower', 'mortality'])
    """
    return [word for word in tokens(text) if _tells(word) and word not in _LIMITS]


def populations(text: str) -> list[str]:
    """The words for people in a text, in order."""
    return [word for word in tokens(text) if word in _PEOPLE]


def demands(text: str) -> list[frozenset[str]]:
    """What an article must speak of to answer a message: for each telling word the stems of which one must be there.

    >>> [sorted(stems)[:2] for stems in demands("And in women taking aspirin?")]
    [['femal', 'gend'], ['taking'], ['aspirin']]
    """
    found: list[frozenset[str]] = []
    for word in tokens(text):
        if not _tells(word):
            continue
        alike = [group for group in POPULATIONS if word in group] + [group for group in ASPECTS if word in group][:1]
        found.append(frozenset(stem(other) for other in frozenset().union(*alike, {word})))
    return list(dict.fromkeys(found))


def _tells(word: str) -> bool:
    is_said = word in STOPWORDS and word not in {"other"}
    return not is_said and word not in NEUTRAL and len(word) > 1 and not word.isdigit()
