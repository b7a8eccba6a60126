"""Evidence levels from publication types and MeSH headings."""

import pytest

from ragqa.corpus.evidence import LEVELS, evidence_level
from ragqa.types import Document, MeshHeading, PublicationType


def level(types: list[str], mesh: list[str] | None = None) -> int:
    document = Document(
        "1",
        publication_types=tuple(PublicationType(name) for name in types),
        mesh=tuple(MeshHeading(name) for name in mesh or []),
    )
    return LEVELS.index(evidence_level(document))


@pytest.mark.parametrize(
    ("types", "mesh", "expected"),
    [
        (["Journal Article", "Meta-Analysis"], [], 0),
        (["Systematic Review"], ["Animals"], 0),
        (["Practice Guideline"], [], 0),
        (["Randomized Controlled Trial", "Multicenter Study"], ["Humans"], 1),
        (["Randomized Controlled Trial"], ["Animals", "Humans"], 1),
        (["Randomized Controlled Trial"], ["Animals", "Rats"], 6),
        (["Clinical Trial, Phase II"], [], 2),
        (["Journal Article"], ["Humans", "Cohort Studies"], 3),
        (["Observational Study"], [], 3),
        (["Case Reports"], ["Humans", "Retrospective Studies"], 4),
        (["Review", "Journal Article"], ["Humans"], 5),
        (["Guideline"], [], 5),
        ([], [], 5),
        (["Journal Article"], ["Animals", "Mice"], 6),
        (["Journal Article"], ["Humans", "In Vitro Techniques"], 6),
    ],
)
def test_the_design_gives_the_level(types: list[str], mesh: list[str], expected: int) -> None:
    assert level(types, mesh) == expected


def test_uis_count_as_names_do() -> None:
    document = Document("1", publication_types=(PublicationType("Essai contrôlé randomisé", "D016449"),))

    assert evidence_level(document) == "randomised controlled trial"
