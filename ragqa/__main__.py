"""``python -m ragqa``: the command line."""

from ragqa.cli import main

if __name__ == "__main__":
    main()
