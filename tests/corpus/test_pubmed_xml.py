"""PubMed XML: what of a record is kept, how damage is reported, and that cutting into batches changes nothing."""

import gzip
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragqa.corpus import xml_records
from ragqa.corpus.pubmed_xml import read_pubmed_xml
from ragqa.corpus.records import Deletion, Skipped
from ragqa.corpus.scripts import subscript, superscript
from ragqa.corpus.settings import CorpusSettings
from ragqa.errors import SourceError
from ragqa.types import (
    Accession,
    Chemical,
    Document,
    Grant,
    Link,
    MeshHeading,
    PublicationType,
    SupplementaryConcept,
)

SETTINGS = CorpusSettings((), "pubmed-xml")
DOCTYPE = '<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle//EN" "https://dtd.example/pubmed.dtd">'

MATHS = '<mml:math xmlns:mml="http://www.w3.org/1998/Math/MathML">'

FULL = """
<PubmedArticle>
  <MedlineCitation Status="MEDLINE" Owner="NLM">
    <PMID Version="2">12345</PMID>
    <DateRevised><Year>2019</Year><Month>06</Month><Day>05</Day></DateRevised>
    <Article PubModel="Print">
      <Journal>
        <JournalIssue CitedMedium="Print"><Volume>27</Volume><Issue>4 Suppl</Issue>
          <PubDate><MedlineDate>1998 Dec-1999 Jan</MedlineDate></PubDate></JournalIssue>
        <Title>Journal of Examples</Title>
      </Journal>
      <ArticleTitle>[Effects of H<sub>2</sub>O on
        <i>Escherichia coli</i> growth].</ArticleTitle>
      <ELocationID EIdType="doi" ValidYN="Y">10.1/from-location</ELocationID>
      <Pagination><StartPage>101</StartPage><EndPage>9</EndPage><MedlinePgn>101-9</MedlinePgn></Pagination>
      <Abstract>
        <AbstractText Label="AIM" NlmCategory="OBJECTIVE">To test p &lt; 0.05 &amp; more.</AbstractText>
        <AbstractText Label="RESULTS" NlmCategory="RESULTS">It grew by 10<sup>3</sup>&#xA0;cells
          <mml:math xmlns:mml="http://www.w3.org/1998/Math/MathML"><mml:mi>x</mml:mi><mml:mo>=</mml:mo></mml:math>.
        </AbstractText>
        <AbstractText Label="EMPTY"/>
        <CopyrightInformation>Copyright.</CopyrightInformation>
      </Abstract>
      <AuthorList>
        <Author ValidYN="Y"><LastName>Müller</LastName><ForeName>Ada B</ForeName><Initials>AB</Initials>
          <AffiliationInfo><Affiliation>Somewhere</Affiliation></AffiliationInfo></Author>
        <Author ValidYN="N"><LastName>Wrong</LastName><ForeName>Old</ForeName></Author>
        <Author><CollectiveName>Study Group</CollectiveName></Author>
      </AuthorList>
      <Language>ger</Language>
      <DataBankList><DataBank><DataBankName>ClinicalTrials.gov</DataBankName>
        <AccessionNumberList><AccessionNumber>NCT00000620</AccessionNumber></AccessionNumberList></DataBank></DataBankList>
      <GrantList><Grant><GrantID>R01 1</GrantID><Acronym>HL</Acronym><Agency>NHLBI</Agency>
        <Country>United States</Country>
        </Grant></GrantList>
      <PublicationTypeList>
        <PublicationType UI="D016428">Journal Article</PublicationType>
        <PublicationType UI="D016441">Retracted Publication</PublicationType>
      </PublicationTypeList>
      <VernacularTitle>Wirkung von Wasser.</VernacularTitle>
      <ArticleDate DateType="Electronic"><Year>1997</Year><Month>11</Month><Day>02</Day></ArticleDate>
    </Article>
    <ChemicalList><Chemical><RegistryNumber>059QF0KO0R</RegistryNumber>
        <NameOfSubstance UI="D014867">Water</NameOfSubstance></Chemical>
      <Chemical><RegistryNumber>0</RegistryNumber><NameOfSubstance UI="D000900">Anti-Bacterial Agents</NameOfSubstance>
      </Chemical></ChemicalList>
    <SupplMeshList><SupplMeshName Type="Disease" UI="C538248">Amyloid angiopathy</SupplMeshName></SupplMeshList>
    <CommentsCorrectionsList>
      <CommentsCorrections RefType="RetractionIn"><RefSource>J Ex. 2000</RefSource><PMID Version="1">777</PMID>
      </CommentsCorrections>
      <CommentsCorrections RefType="UpdateIn"><RefSource>J Ex. 2001</RefSource></CommentsCorrections>
    </CommentsCorrectionsList>
    <MeshHeadingList>
      <MeshHeading><DescriptorName UI="D004926" MajorTopicYN="N">Escherichia coli</DescriptorName>
        <QualifierName UI="Q000254" MajorTopicYN="Y">growth &amp; development</QualifierName></MeshHeading>
      <MeshHeading><DescriptorName UI="D014867" MajorTopicYN="N">Water</DescriptorName></MeshHeading>
    </MeshHeadingList>
    <OtherAbstract Type="Publisher" Language="ger"><AbstractText>Auf Deutsch.</AbstractText></OtherAbstract>
    <KeywordList Owner="NOTNLM"><Keyword MajorTopicYN="N"><i>E. coli</i></Keyword></KeywordList>
  </MedlineCitation>
  <PubmedData>
    <ArticleIdList><ArticleId IdType="pubmed">12345</ArticleId><ArticleId IdType="pmc">PMC99</ArticleId></ArticleIdList>
    <ReferenceList><Reference><Citation>Other</Citation>
      <ArticleIdList><ArticleId IdType="doi">10.1/of-a-reference</ArticleId></ArticleIdList></Reference></ReferenceList>
  </PubmedData>
</PubmedArticle>
"""

BOOK = """
<PubmedBookArticle><BookDocument><PMID Version="1">20301295</PMID>
  <ArticleIdList><ArticleId IdType="bookaccession">NBK1</ArticleId></ArticleIdList>
  <Book><BookTitle book="gene">GeneExamples</BookTitle><BeginningDate><Year>1993</Year></BeginningDate>
    <AuthorList Type="editors"><Author><LastName>Editor</LastName></Author></AuthorList></Book>
  <ArticleTitle book="gene" part="x">A Syndrome</ArticleTitle><Language>eng</Language>
  <AuthorList Type="authors"><Author><LastName>Writer</LastName><Initials>W</Initials></Author></AuthorList>
  <PublicationType UI="D016454">Review</PublicationType>
  <Abstract><AbstractText>Summary.</AbstractText></Abstract>
  <ContributionDate><Year>2003</Year><Month>Oct</Month><Day>3</Day></ContributionDate>
</BookDocument></PubmedBookArticle>
"""


def article(pmid: str, title: str = "A title.", more: str = "") -> str:
    return (
        f'<PubmedArticle><MedlineCitation><PMID Version="1">{pmid}</PMID><Article><ArticleTitle>{title}</ArticleTitle>'
        f"{more}</Article></MedlineCitation></PubmedArticle>"
    )


def write(path: Path, *records: str, root: str = "PubmedArticleSet", head: str = "") -> Path:
    text = f'<?xml version="1.0" encoding="utf-8"?>\n{head}<{root}>{"".join(records)}</{root.split(maxsplit=1)[0]}>\n'
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def read(path: Path) -> list[object]:
    return list(read_pubmed_xml(path, SETTINGS))


def document(path: Path) -> Document:
    (found,) = read(path)
    assert isinstance(found, Document)
    return found


def test_everything_that_a_document_holds_is_read(tmp_path: Path) -> None:
    found = document(write(tmp_path / "one.xml.gz", FULL, head=DOCTYPE))

    assert (found.id, found.version, found.source) == ("12345", 2, "one.xml.gz")
    assert [(s.name, s.label, s.category) for s in found.sections] == [
        ("title", "", ""),
        ("abstract.0", "AIM", "OBJECTIVE"),
        ("abstract.1", "RESULTS", "RESULTS"),
        ("other_abstract.0", "Publisher ger", ""),
    ]
    assert [s.text for s in found.sections] == [
        "Effects of H₂O on Escherichia coli growth.",
        "To test p < 0.05 & more.",
        "It grew by 10³ cells x=.",
        "Auf Deutsch.",
    ]
    assert found.title_translated
    assert (found.journal, found.year, found.date) == ("Journal of Examples", 1998, "1998-12")
    assert found.authors == ("Ada B Müller", "Study Group")
    assert found.affiliations == (("Somewhere",), ())
    assert (found.volume, found.issue, found.pages, found.revised) == ("27", "4 Suppl", "101-9", "2019-06-05")
    assert found.chemicals == (
        Chemical("Water", "D014867", "059QF0KO0R"),
        Chemical("Anti-Bacterial Agents", "D000900"),
    )
    assert found.supplementary_concepts == (SupplementaryConcept("Amyloid angiopathy", "C538248", "Disease"),)
    assert found.accessions == (Accession("ClinicalTrials.gov", "NCT00000620"),)
    assert found.grants == (Grant("R01 1", "HL", "NHLBI", "United States"),)
    assert found.languages == ("ger",)
    assert found.publication_types[1] == PublicationType("Retracted Publication", "D016441")
    assert found.retracted
    assert found.links == (Link("RetractionIn", "777", "J Ex. 2000"), Link("UpdateIn", "", "J Ex. 2001"))
    assert found.mesh == (
        MeshHeading("Escherichia coli", "D004926", True, ("growth & development",)),
        MeshHeading("Water", "D014867"),
    )
    assert found.keywords == ("E. coli",)
    assert (found.doi, found.pmcid) == ("10.1/from-location", "PMC99")


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("2.88×10<sup>4</sup> cells", "2.88×10⁴ cells"),
        ("10<sup>-6</sup> M", "10⁻⁶ M"),
        ("10<sup>n/2</sup>", "10^n/2"),
        ("Ca<sup>2+</sup>, CD4<sup> +</sup>", "Ca²⁺, CD4 ⁺"),
        ("PM<sub>2.5</sub> and <i>p</i><sub>trend</sub>", "PM_2.5 and p_trend"),
        ("a<sub><i>1</i></sub>", "a₁"),
        (f"{MATHS}<mml:msup><mml:mn>10</mml:mn><mml:mrow><mml:mo>-</mml:mo><mml:mn>3</mml:mn></mml:mrow></mml:msup></mml:math>",
         "10⁻³"),
        (f"{MATHS}<mml:mfrac><mml:mn>1</mml:mn><mml:mn>2</mml:mn></mml:mfrac></mml:math>", "1/2"),
    ],
)  # fmt: skip
def test_what_is_raised_or_lowered_never_reads_as_another_number(tmp_path: Path, markup: str, expected: str) -> None:
    found = document(write(tmp_path / "one.xml", article("1", markup)))

    assert found.sections[0].text == expected


def test_an_empty_list_of_references_hides_nothing(tmp_path: Path) -> None:
    record = article("1").replace(
        "</PubmedArticle>",
        "<PubmedData><History/><ArticleIdList><ArticleId IdType='doi'>10.1/own</ArticleId></ArticleIdList>"
        "<ReferenceList/></PubmedData></PubmedArticle>",
    )
    found = (
        document(write(tmp_path / "one.xml", record, article("2").replace("A title", "B")).with_name("one.xml"))
        if False
        else read(write(tmp_path / "one.xml", record, article("2")))
    )

    assert [(d.id, d.doi) for d in found if isinstance(d, Document)] == [("1", "10.1/own"), ("2", "")]


def test_a_book_chapter_has_its_book_as_journal(tmp_path: Path) -> None:
    found = document(write(tmp_path / "books.xml", BOOK))

    assert (found.id, found.journal, found.date) == ("20301295", "GeneExamples", "2003-10-03")
    assert found.authors == ("W Writer",)
    assert [s.name for s in found.sections] == ["title", "abstract"]


@pytest.mark.parametrize(
    ("title", "language", "expected", "translated"),
    [
        ("[Camomile].", "ger", "Camomile.", True),
        ("[Is it so?]", "fre", "Is it so?", True),
        ("[A] and [B].", "ger", "[A] and [B].", False),
        ("[18F]CFA as a probe.", "eng", "[18F]CFA as a probe.", False),
        ("[The author replies].", "eng", "[The author replies].", False),
        ("[Not Available].", "ger", "Kamille", False),
    ],
)
def test_titles_in_brackets_are_translations(
    tmp_path: Path, title: str, language: str, expected: str, translated: bool
) -> None:
    more = f"<Language>{language}</Language><VernacularTitle>Kamille</VernacularTitle>"
    found = document(write(tmp_path / "one.xml", article("1", title, more)))

    assert (found.sections[0].text, found.title_translated) == (expected, translated)


def test_deletions_and_records_without_pmid_come_in_order(tmp_path: Path) -> None:
    deletion = "<DeleteCitation><PMID Version='1'>7</PMID><PMID>0008</PMID></DeleteCitation>"

    found = read(write(tmp_path / "update.xml", article("1"), article(""), deletion))

    assert found[1:] == [Skipped("no PMID"), Deletion("7"), Deletion("8")]


def test_what_is_no_record_among_the_records_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text(
        "<all><PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>1</PMID></MedlineCitation></PubmedArticle>"
        "<PubmedPreprint><PMID>2</PMID></PubmedPreprint><!-- a comment --></PubmedArticleSet></all>"
    )

    found = list(read_pubmed_xml(path, SETTINGS))

    assert [one.id for one in found if isinstance(one, Document)] == ["1"]
    assert found[1:] == [Skipped("unknown element")]


def test_any_root_element_and_the_layout_before_2016(tmp_path: Path) -> None:
    old = '<MedlineCitation><PMID Version="1">5</PMID></MedlineCitation>'

    assert document(write(tmp_path / "raw.xml", article("4"), root="RAW_DATA")).id == "4"
    assert document(write(tmp_path / "old.xml", old, root="MedlineCitationSet")).id == "5"
    assert read(write(tmp_path / "empty_set.xml")) == []


def test_comments_and_cdata_may_hold_what_looks_like_records(tmp_path: Path) -> None:
    text = "<![CDATA[a </PubmedArticle> b]]>"
    path = write(tmp_path / "one.xml", f"<!-- {article('1')} -->", article("2", text), "<?pi <PubmedArticle?>")

    found = document(path)

    assert (found.id, found.sections[0].text) == ("2", "a </PubmedArticle> b")


def test_a_prefix_declared_at_the_root_is_known_in_records(tmp_path: Path) -> None:
    path = write(tmp_path / "one.xml", article("1", "x<mml:mi>y</mml:mi>"), root='S xmlns:mml="http://m"')

    assert document(path).sections[0].text == "xy"


def test_entities_are_never_expanded(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    head = f'<!DOCTYPE S [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY s SYSTEM "{secret.as_uri()}">]>'

    found = document(write(tmp_path / "bomb.xml", article("1", "&b;&s;&alpha;!"), head=head))

    assert found.sections[0].text == "&b;&s;α!"


def test_latin_1_is_read(tmp_path: Path) -> None:
    path = tmp_path / "latin.xml"
    path.write_bytes(f'<?xml version="1.0" encoding="ISO-8859-1"?><S>{article("1", "Größe")}</S>'.encode("latin-1"))

    assert document(path).sections[0].text == "Größe"


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("empty.xml", b"", "is empty"),
        ("empty.xml.gz", b"", "is empty"),
        ("plain.xml.gz", b"<S/>", "is not gzip"),
        ("cut.xml", b"<S><PubmedArticle><MedlineCitation>", "is truncated"),
        ("open.xml", f"<S>{article('1')}".encode(), "not well-formed"),
        ("broken.xml", f"<S>{article('1')}{article('2', '<i>x</b>')}</S>".encode(), "after record 1"),
        ("other.xml", b"<html><body/></html>", "no PubMed records"),
        ("text.xml", b"PMID- 12345\n", "not well-formed"),
        ("blank.xml", b"  \n", "not well-formed"),
        ("wide.xml", "<S/>".encode("utf-16"), "UTF-16"),
        ("cut.xml.gz", gzip.compress(f"<S>{article('1') * 50}</S>".encode())[:-12], "truncated"),
        ("corrupt.xml.gz", gzip.compress(b"<S>" + bytes(range(256)) * 9)[:60] + b"\0" * 400, "corrupt"),
    ],
)
def test_damage_is_one_clear_error(tmp_path: Path, name: str, content: bytes, what: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(SourceError, match=what) as error:
        read(path)
    assert str(path) in str(error.value)


MOVED = {"sup": superscript, "sub": subscript}
INLINE = st.recursive(
    st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Z")), max_size=12).map(
        lambda t: (escape(t), t)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda parts: ("".join(p[0] for p in parts), "".join(p[1] for p in parts))),
        st.tuples(st.sampled_from(["i", "b", "sup", "sub", "u"]), inner).map(
            lambda pair: (f"<{pair[0]}>{pair[1][0]}</{pair[0]}>", MOVED.get(pair[0], str)(pair[1][1]))
        ),
    ),
    max_leaves=8,
)


@given(INLINE)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_inline_markup_leaves_only_its_text(tmp_path: Path, inline: tuple[str, str]) -> None:
    markup, text = inline
    path = write(tmp_path / "one.xml", article("1", "T", f"<Abstract><AbstractText>{markup}</AbstractText></Abstract>"))

    sections = document(path).sections

    expected = " ".join(text.split())
    assert [s.text for s in sections] == ["T", *([expected] if expected else [])]


@given(st.integers(30, 3000), st.integers(1, 3000))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_size_of_pieces_changes_nothing(tmp_path: Path, piece: int, batch: int) -> None:
    deletion = "<DeleteCitation><PMID>7</PMID></DeleteCitation>"
    path = write(tmp_path / "some.xml.gz", "\n", FULL, "<!-- > -->", BOOK, article("9", "é"), deletion, head=DOCTYPE)
    whole = read(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xml_records, "PIECE_BYTES", piece)
        patch.setattr(xml_records, "BATCH_BYTES", batch)
        assert read(path) == whole
