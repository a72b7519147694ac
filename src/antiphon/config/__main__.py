"""`python -m antiphon.config --markdown` prints the page docs/settings.md."""

import argparse

from antiphon.config.report import to_markdown


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m antiphon.config", description="Print the page of all settings.")
    parser.add_argument("--markdown", action="store_true", required=True, help="as Markdown, the only form there is")
    parser.parse_args()
    print(to_markdown(), end="")


if __name__ == "__main__":
    main()
