"""The Java classes that write and search Lucene indexes, compiled into ``ragqa.jar``; ``make jar`` compiles them."""

from pathlib import Path

FOLDER = Path(__file__).resolve().parent
JAR = FOLDER / "ragqa.jar"
