"""Figures published by others (eval/published.toml), shown in a column of their own with what they rest on."""

from dataclasses import dataclass

from ragqa.evaluate.report.figures_file import read_figures


@dataclass(frozen=True, slots=True)
class PublishedFigure:
    """One published figure.

    Attributes
    ----------
    task, part, setting, measure
        As in ragqa's own results; ``part`` is a data set or split of the task.
    value
        A fraction, as ragqa's own figures are (a duration in seconds for measures that are one).
    corpus, corpus_size
        What was searched, and how many documents; 0 where the source does not tell or nothing was searched.
    year, source
        When and where it was published.
    note
        What makes it less than comparable.
    """

    system: str
    task: str
    measure: str
    value: float
    year: int
    source: str
    part: str = ""
    setting: str = ""
    corpus: str = ""
    corpus_size: int = 0
    note: str = ""


def published_figures(task: str = "", part: str = "", setting: str = "") -> tuple[PublishedFigure, ...]:
    """The figures of the user's own ``eval/published.toml``, or of the one that comes with ragqa.

    Parameters
    ----------
    task, part, setting
        Only figures of these; "" for any.

    Raises
    ------
    RecipeError
        The file is not TOML, or has an unknown or malformed key.
    """
    return tuple(
        figure
        for figure in read_figures("published.toml", PublishedFigure)
        if (not task or figure.task == task)
        and (not part or figure.part == part)
        and (not setting or figure.setting == setting)
    )
