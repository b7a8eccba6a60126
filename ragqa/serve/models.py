"""What the routes take, as pydantic models: closed, bounded, with examples for the OpenAPI document."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ragqa.answer.dialogue.turn import Turn
from ragqa.types import Filter, Question, QuestionType

_LONGEST_TURN = 2_000
STATINS = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"


def _written(text: str) -> str:
    """Refuse halves of surrogate pairs, which JSON can hold but no text can."""
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        raise ValueError("the text has half of a surrogate pair in it")
    return text


Text = Annotated[str, AfterValidator(_written)]
Name = Annotated[Text, Field(min_length=1, max_length=200)]
Names = Annotated[list[Name], Field(max_length=50)]
Year = Annotated[int, Field(ge=0, le=9999)]


class Closed(BaseModel):
    """A model that refuses keys that it does not know."""

    model_config = ConfigDict(extra="forbid")


class Filters(Closed):
    """Which documents may be used; several values of one key are joined by OR, different keys by AND.

    A MeSH heading, publication type, journal or language that the index does not know is refused (422), and the names
    near to it are told; `GET /v1/filters` lists those that begin with given letters.
    """

    year_from: Year | None = None
    year_to: Year | None = None
    publication_types: Annotated[Names, Field(examples=[["Randomized Controlled Trial"]])] = []
    mesh: Annotated[Names, Field(description="MeSH headings or UIs, with their narrower headings.")] = []
    journals: Names = []
    languages: Annotated[Names, Field(description="Codes as MEDLINE writes them, or names.", examples=[["eng"]])] = []
    has_abstract: bool = False
    not_retracted: bool = False
    chemicals: Annotated[Names, Field(description="Names, UIs or registry numbers of substances.")] = []
    supplementary_concepts: Annotated[Names, Field(description="Names or UIs of MeSH's supplementary concepts.")] = []
    accessions: Annotated[Names, Field(examples=[["NCT00000620"]])] = []

    def to_filter(self) -> Filter:
        """As the engine takes it."""
        return Filter(
            self.year_from,
            self.year_to,
            tuple(self.publication_types),
            tuple(self.mesh),
            tuple(self.journals),
            tuple(self.languages),
            self.has_abstract,
            self.not_retracted,
            tuple(self.chemicals),
            tuple(self.supplementary_concepts),
            tuple(self.accessions),
        )


class _Asking(Closed):
    question: Text = Field(description="At most as long as the server's settings say; by default 2,000 characters.")
    index: Name | None = Field(None, description="A name of /v1/indexes; else the server's default.")
    filter: Filters = Filters()


class AskRequest(_Asking):
    """A question to answer."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"question": STATINS},
                {"question": STATINS, "type": "yesno", "filter": {"year_from": 2000}, "stream": True},
            ]
        },
    )
    type: QuestionType | None = Field(None, description="Else told by the wording.")
    stream: bool = Field(False, description="Answer with server-sent events.")
    earlier: Annotated[list[Text], Field(max_length=60)] | None = Field(
        None,
        description="The questions asked before in this conversation, the oldest first. With them, or with an empty "
        "list, a question that does not stand alone is completed from the last topic, or asked back.",
    )

    def to_question(self) -> Question:
        """As the engine takes it."""
        return Question(self.question, type=self.type)

    def turns(self) -> list[Turn] | None:
        """The earlier questions as the service takes them; None where the question is no part of a conversation."""
        return None if self.earlier is None else [Turn("user", text[:_LONGEST_TURN]) for text in self.earlier]


class SearchRequest(_Asking):
    """A question to find documents for."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"question": "statins atrial fibrillation", "k": 5}]}
    )
    k: int = Field(10, ge=1, le=1000, description="At most what the server's settings say; by default 100.")
    fielded: bool = Field(
        False,
        description="The question is a query as PubMed takes it, which finds exactly what it says: "
        "`metformin[ti] AND 2015:2024[dp]`. Tags: ti, tiab, au, ta, la, mh, pt, dp, pmid.",
    )


class RelatedRequest(_Asking):
    """A question to find others near it."""

    n: int = Field(5, ge=1, le=50, description="At most so many.")


class State(BaseModel):
    """The state of an index that is served."""

    serving: Annotated[str, Field(description="Hash of the state that answers come from.")]
    created: str
    newer: Annotated[bool, Field(description="Whether a newer state is in force, which is being opened.")]


class Health(BaseModel):
    """The state of the server."""

    status: str
    indexes: list[str] = []
    degraded: Annotated[list[str], Field(description="Indexes whose generator is not available at the moment.")] = []
    states: dict[str, State] = {}
