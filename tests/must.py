#!/usr/bin/env python3
"""Every rule of tests/must.txt has a test that names it.

A test names what it proves: `# proves B-PS-8 B-PS-9` in a conversation (tests/talk), a comment
`/* proves B-WS-3 */` before a test function in C. The map is printed; a rule without a proof
fails, as does a proof of a rule that does not exist. Whether the tests pass is their own suites'
affair. Canaries at the end show that either would be noticed.
"""
import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PLACES = ("tests/talk/*.talk", "tests/talk/*.c", "tests/unit/*.c", "tests/suite/*.c",
          "tests/sim/*.c", "tests/real/*")
MARK = re.compile(r"(?:#|/\*) proves ((?:[A-Z]-[A-Z]+(?:-\d+)?[ \n*]*)+)")
FUNCTION = re.compile(r"\A[^\n]*\n(?:static )?void (\w+)\(")


def rules_read(text):
    rules = {}
    for line in text.splitlines():
        match = re.match(r"([A-Z]-[A-Z]+(?:-\d+)?) (.+)", line)
        if match:
            rules[match.group(1)] = match.group(2)
    return rules


def proofs_read(files):
    """files: path to text. From rule to the tests that name it."""
    proofs = {}
    for path, text in sorted(files.items()):
        for match in MARK.finditer(text):
            function = FUNCTION.match(text[match.start():])
            where = path + (" " + function.group(1) if function else "")
            for rule in re.findall(r"[A-Z]-[A-Z]+(?:-\d+)?", match.group(1)):
                proofs.setdefault(rule, []).append(where)
    return proofs


def complaints(rules, proofs):
    missing = ["%s has no proof: %s" % (rule, rules[rule]) for rule in rules if rule not in proofs]
    unknown = ["%s is no rule, but %s proves it" % (rule, proofs[rule][0])
               for rule in proofs if rule not in rules]
    return missing + unknown


def canaries():
    rules = rules_read("B-X-1 something\nB-X-2 something else\n")
    return [
        ("a rule without a proof is noticed",
         len(complaints(rules, proofs_read({"a.talk": "# proves B-X-1\n"}))) == 1),
        ("a proof without a rule is noticed",
         len(complaints(rules, proofs_read({"a.c": "/* proves B-X-1 B-X-2 B-X-3 */\n"}))) == 1),
        ("what is proven is proven",
         not complaints(rules, proofs_read({"a.c": "/* proves B-X-1\n * B-X-2 */\n"}))),
    ]


def main():
    files = {}
    for place in PLACES:
        for path in glob.glob(os.path.join(ROOT, place)):
            if os.path.isfile(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    files[os.path.relpath(path, ROOT)] = file.read()
    with open(os.path.join(ROOT, "tests/must.txt"), encoding="utf-8") as file:
        rules = rules_read(file.read())
    proofs = proofs_read(files)
    for rule in rules:
        print("%s: %s" % (rule, ", ".join(proofs.get(rule, ["NOTHING"]))))
    failures = complaints(rules, proofs)
    failures += ["canary: not true that " + words for words, good in canaries() if not good]
    for failure in failures:
        print("FAIL " + failure)
    basic = [rule for rule in rules if rule.startswith("B-")]
    print("%d/%d" % (sum(rule in proofs for rule in basic), len(basic)))
    passed = sum(rule in proofs for rule in rules) + sum(good for _, good in canaries())
    print("%d passed, %d failed, 0 skipped" % (passed, len(failures)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
