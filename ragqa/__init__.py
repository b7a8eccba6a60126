"""ragqa: biomedical question answering over PubMed whose every sentence can be checked."""

__version__ = "0.1.0"
