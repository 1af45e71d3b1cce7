#!/usr/bin/env python3
"""The core is told, never asks: proven by the linker's own table.

Builds target core plainly (no sanitizer, no fortify: both add calls of their own) in build-pure/
and looks at every symbol that an object of core needs and no object of core defines. What is left
must be octet and string functions, the check handler, the crypto verbs, the HTTP parser and what
the compiler adds. A canary object that asks for the time must be refused.

    tests/purity.py                 the last line counts objects and canaries
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build-pure")

ALLOWED = [
    r"mem(cpy|move|set|cmp|chr|rchr|mem)|bcmp|rawmemchr",
    r"str(len|nlen|cmp|ncmp|chr|rchr|str|spn|cspn|pbrk|casecmp|ncasecmp)",
    r"check_failed|check_context",
    r"crypto_\w+",
    r"llhttp_\w+",
    r"__stack_chk_fail|_GLOBAL_OFFSET_TABLE_",
    r"__(u|)(div|mod|mul|cmp)\w*[dt]i\d|__popcount[sdt]i2|__(clz|ctz|bswap)[sdt]i2",  # libgcc
]

CANARIES = {
    "asks for the time": "#include <time.h>\nlong core_now(void)\n{\n    return time(0);\n}\n",
    "takes from the heap": "#include <stdlib.h>\nvoid *a(void)\n{\n    return malloc(9);\n}\n",
    "writes to a file": "#include <stdio.h>\nvoid b(int c)\n{\n    printf(\"%d\\n\", c);\n}\n",
}
GOOD = ("#include <string.h>\n_Noreturn void check_failed(const char *, const char *, int);\n"
        "int c(const char *a, const char *b, size_t n)\n{\n    if (n == 0) {\n"
        "        check_failed(a, b, 1);\n    }\n    return memcmp(a, b, n);\n}\n")
PLAIN = ["-O2", "-fPIE", "-U_FORTIFY_SOURCE", "-c", "-x", "c", "-"]


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    if done.returncode != 0:
        sys.stdout.write(done.stdout + done.stderr)
        print(f"FAIL {' '.join(command[:4])}")
        print("0 passed, 1 failed, 0 skipped")
        sys.exit(1)
    return done.stdout


def build_core():
    ninja = shutil.which("ninja") is not None
    if not os.path.exists(os.path.join(BUILD, "CMakeCache.txt")):
        run("cmake", "-S", ROOT, "-B", BUILD, *(["-G", "Ninja"] if ninja else []),
            "-DFORTIFY=OFF")
    run("cmake", "--build", BUILD, "--target", "core", "-j2")
    return os.path.join(BUILD, "libcore.a")


def symbols_read(path):
    """[(object, needed, defined)] of an object or a library."""
    objects = []
    for line in run("nm", path).split("\n"):
        heading = re.fullmatch(r"(.+\.o):", line)
        entry = re.fullmatch(r"[0-9a-f ]{16} (\w) (\S+)", line)
        if heading:
            objects.append((heading.group(1), set(), set()))
        elif entry:
            if not objects:
                objects.append((os.path.basename(path), set(), set()))
            kind, name = entry.groups()
            if kind in "Uwv":
                objects[-1][1].add(name.split("@")[0])
            elif kind.isupper():
                objects[-1][2].add(name)
    return objects


def symbols_refuse(objects):
    """{object: symbols that come from outside of core and are not allowed}."""
    defined = set().union(*(own for _, _, own in objects))
    allowed = re.compile("|".join(f"(?:{pattern})" for pattern in ALLOWED))
    return {name: sorted(x for x in needed - defined if not allowed.fullmatch(x))
            for name, needed, _ in objects}


def object_refuse(source):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "canary.o")
        run(os.environ.get("CC", "cc"), *PLAIN, "-o", path, input=source)
        return any(symbols_refuse(symbols_read(path)).values())


def main():
    passed = failed = 0
    verdicts = [(name, f"asks for {', '.join(wrong)}" if wrong else "")
                for name, wrong in symbols_refuse(symbols_read(build_core())).items()]
    if not verdicts:
        verdicts.append(("libcore.a", "holds no object"))
    verdicts += [(f"canary that {what}", "" if object_refuse(source) else "was not refused")
                 for what, source in CANARIES.items()]
    verdicts.append(("pure sample", "was refused" if object_refuse(GOOD) else ""))
    for name, wrong in verdicts:
        passed += not wrong
        failed += bool(wrong)
        if wrong:
            print(f"FAIL {name}: {wrong}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
