"""Whether a phrase looks like the kind of thing that a question asks for, by the endings and shapes of names."""

import re

from ragqa.answer.question import AskedFor
from ragqa.corpus import words

_SYMBOL = r"(?-i:\b(?=[\w/-]*[A-Z0-9])(?:[A-Z][\w/-]*[A-Z0-9][\w/-]*|[a-zα-ω]{1,5}-?[A-Z0-9][\w/-]*))"
_DRUG = (
    r"(?:mab|nib|tinib|ciclib|parib|stat|statin|pril|sartan|olol|azole|cillin|mycin|micin|floxacin|vir|tide|gliptin"
    r"|gliflozin|glitazone|xaban|gatran|grel|pine|pam|lam|done|ine|ide|ate|one|ol|in|cept|sen|ran|ast|ant|tan|caine"
    r"|cycline|dronate|fibrate|lukast|setron|triptan|vaptan|zumab|ximab|rsen|gene|leucel|acid)\b"
)
_DISEASE = (
    r"\b(?:syndrome|disease|disorder|deficiency|cancer|carcinoma|infection|failure|failing|dystrophy|injury|fever)\b"
    r"|(?:itis|osis|oma|emia|aemia|pathy|plegia|algia|trophy|plasia|phrenia|mia|sis|ism|tion|phobia|uria|ecta)\b|cancer"
)
_PATTERNS = {
    name: re.compile(pattern, re.IGNORECASE)
    for name, pattern in {
        "symbol": _SYMBOL,
        "drug": _DRUG,
        "disease": _DISEASE,
        "protein": rf"{_SYMBOL}|(?:ase|in|or|kinase|receptor|factor|globulin|protein)\b",
        "company": r"(?-i:\A[A-Z])",
        "name": r"(?-i:[A-Z])",
        "organism": r"(?-i:\A[A-Z])[a-z]*\.? [a-z]+|virus|bacter|coccus|(?:us|um|is|ae|ii|ium)\b",
        "place": r"\b(?:cortex|brain|liver|heart|nucleus|membrane|mitochondri\w+|cytoplasm|muscle|gland|tissue|cells?"
        r"|lung|kidney|bone|blood|chromosome|region|locus|reticulum|golgi|arm)\b|\d+[pq]\d*",
    }.items()
}
_KIND_OF_HEAD = {
    "gene": "symbol", "mutation": "symbol", "mirna": "symbol", "snp": "symbol", "allele": "symbol",
    "oncogene": "symbol", "transcript": "symbol", "marker": "protein", "biomarker": "protein",
    "protein": "protein", "enzyme": "protein", "receptor": "protein", "factor": "protein", "kinase": "protein",
    "hormone": "protein", "antigen": "protein", "molecule": "protein", "target": "protein", "ligand": "protein",
    "cytokine": "protein", "histone": "protein", "subunit": "protein", "transporter": "protein", "channel": "protein",
    "drug": "drug", "medication": "drug", "antibiotic": "drug", "inhibitor": "drug", "agent": "drug",
    "treatment": "drug", "therapy": "drug", "compound": "drug", "antibody": "drug", "antibodies": "drug",
    "vaccine": "drug", "substance": "drug", "antidote": "drug", "chemotherapy": "drug", "vitamin": "drug",
    "disease": "disease", "disorder": "disease", "syndrome": "disease", "condition": "disease", "cancer": "disease",
    "indication": "disease", "symptom": "disease", "complication": "disease", "tumor": "disease",
    "infection": "disease",
    "company": "company", "manufacturer": "company", "country": "company", "database": "name", "tool": "name",
    "algorithm": "name", "software": "name", "package": "name", "method": "name", "trial": "name", "name": "name",
    "bacterium": "organism", "bacteria": "organism", "virus": "organism", "species": "organism", "organism": "organism",
    "pathogen": "organism", "parasite": "organism", "vector": "organism",
    "tissue": "place", "organ": "place", "cell": "place", "chromosome": "place", "location": "place",
}  # fmt: skip
_BY_STEM = {words.stem(head): kind for head, kind in _KIND_OF_HEAD.items()}


# What a question about a number says, and the units that then fit.
_UNITS = (
    (r"\bdos(?:e|age|ing)", r"\d\s?(?:mg|g|µg|μg|mcg|ml|IU|units?)\b"),
    (
        r"\b(?:percent|proportion|prevalence|incidence|rate|sensitivity|specificity|frequen|common|often)",
        r"%|percent| per | in \d",
    ),
    (r"\b(?:old|age)\b", r"years?|months?|weeks?|days?"),
    (r"\b(?:long|duration|half-life|time)\b", r"years?|months?|weeks?|days?|hours?|minutes?|min\b|seconds?|\bh\b"),
    (r"\b(?:weight|size|length|large|big)\b", r"\d\s?(?:kDa|kb|Mb|bp|mm|cm|nm|kg|g|amino acids)\b"),
)
_NUMBER_UNITS = tuple((re.compile(q, re.IGNORECASE), re.compile(u, re.IGNORECASE)) for q, u in _UNITS)


def looks_like(asked: AskedFor, text: str) -> float:
    """1 if a phrase looks like what is asked for, −1 if it does not, 0 where nothing is known of the kind.

    The last word of the question's focus that names a known kind decides ("autoimmune disease" → disease).
    """
    if asked.kind == "number":
        units = next((units for question, units in _NUMBER_UNITS if question.search(asked.text)), None)
        return 0.0 if units is None else 1.0 if units.search(text) else -1.0
    kinds = [_BY_STEM[stem] for stem in reversed(asked.focus) if stem in _BY_STEM]
    kinds += [_BY_STEM[stem] for stem in asked.stems[:2] if not asked.focus and stem in _BY_STEM]
    if not kinds:
        return 0.0
    return 1.0 if _PATTERNS[kinds[0]].search(text) else -1.0
