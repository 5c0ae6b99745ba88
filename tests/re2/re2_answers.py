"""Asks RE2 which subjects patterns match as a whole. Reads JSON objects, one a line, and writes them
with `re2`: a letter for each subject, y or n, or why the pattern is refused. `either` marks those
that differ from `go`: either answer is right."""

import json
import sys

import re2

options = re2.Options()
options.log_errors = False


def answer(pattern, subjects):
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        message = error.args[0]
        return "refused: " + (message.decode() if isinstance(message, bytes) else str(message))
    return "".join("y" if compiled.fullmatch(subject) else "n" for subject in subjects)


def alike(one, other):
    return one == other or one.startswith("refused") and other.startswith("refused")


for line in sys.stdin:
    row = json.loads(line)
    row["re2"] = answer(row["pattern"], row["subjects"])
    row.pop("either", None)
    if "go" in row and not alike(row["go"], row["re2"]):
        row["either"] = True
    print(json.dumps(row, ensure_ascii=False))
