#!/usr/bin/env python3
"""House style as a test: every rule below is a function from a tree to complaints.

    tests/tidy.py            check the tree this file lies in
    tests/tidy.py --fix      let the formatter rewrite the C files, then check

A tree is a dictionary from path to text, so each rule is itself tried on a canary: a snippet that
it must refuse. A rule that lets its canary pass has failed, whatever the real tree looks like.
The last line counts rules and canaries.
"""
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

COLUMNS_MAX = 100
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600

# Files that may be longer, each with its reason.
LONG_FILES = {}

# Core sources without a tests/unit/NAME_test.c of their own: where they are tested, and why there.
MATCH = ("tests/unit/match_test.c", "one structure in several files, held against its dumb twin")
TESTED_BY = {
    "common/match_prefix.c": MATCH,
    "common/match_table.c": MATCH,
    "common/match_wildcard.c": MATCH,
}

FOLDERS = ("common", "cluster", "client", "router", "bench")

# Who may include whom. The one binary is linked from three folders; its main knows them all.
INCLUDES = {
    "common": ("common",),
    "cluster": ("cluster", "common"),
    "client": ("client", "common"),
    "router": ("router", "cluster", "common"),
    "bench": ("bench", "client", "common"),
}
# A micro benchmark is a program of its own and measures the inside.
ALL = ("router", "cluster", "common", "client", "bench", "tests")
INCLUDES_OF_FILE = {r"router/main\.c": ALL, r"bench/micro_\w+\.c": ALL}

# Files that may hold an atomic: everything else is owned by one thread.
# (worker: the gate, by which the process and the other workers wake it and ask it for reports;
# bench/micro_: programs of their own, which measure from a second thread.)
ATOMIC_FILES = (r"(common/(ring\.h|inbox\.c|blob\.c|stats\.\w+|log\.c|io\w*\.c)"
                r"|router/(router\.c|worker\.[ch])|bench/micro_\w+\.c)$")
ATOMIC = r"stdatomic\.h|\b_Atomic\b|\batomic_\w+|\b__atomic_\w+|\b__sync_\w+|\bck_pr_\w+"

MALLOC = "struct mem or struct buf (pure files own no heap)"
TIME = "the time is an argument; the world asks clock_now_ns"
# name: (what to use, where it is allowed all the same)
BANNED = {
    "strcpy": ("buf_append or memcpy with a length", None),
    "strcat": ("buf_append", None),
    "strncpy": ("memcpy with a length", None),
    "strtok": ("bytes_find", None),
    "sprintf": ("snprintf", None),
    "vsprintf": ("vsnprintf", None),
    "gets": ("fgets", None),
    "atoi": ("strtol with its end checked", None),
    "atol": ("strtol with its end checked", None),
    "alloca": ("an array with a named bound", None),
    "rand": ("rng_next", None),
    "srand": ("rng_init", None),
    "random": ("rng_next", None),
    "malloc": (MALLOC, "impure"),
    "calloc": (MALLOC, "impure"),
    "realloc": (MALLOC, "impure"),
    "free": (MALLOC, "impure"),
    "strdup": (MALLOC, "impure"),
    "time": (TIME, r"common/clock\.c$"),
    "gettimeofday": (TIME, r"common/clock\.c$"),
    "clock_gettime": (TIME, r"(common/clock|bench/probe)\.c$"),
    "sleep": ("a timer, or a wait for the fact itself", r"tests/real/"),
    "usleep": ("a timer, or a wait for the fact itself", r"tests/real/"),
    "nanosleep": ("a timer, or a wait for the fact itself", r"tests/real/"),
    "assert": ("check, which stays on in every build", None),
}

# Written in halves, so that this file does not refuse itself.
MARKS = r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK|not imple" r"mented|for n" r"ow|place" r"holder)\b"
HOSTS = (r"(?<![\w.])/(ro" r"ot|wo" r"rk|ho" r"me)(?=[/\s\"'`:;,)]|$)|\bpypi\.o" r"rg|python"
         r"hosted\.o" r"rg|registry\.np" r"mjs|registry\.ya" r"rnpkg|proxy\.gol" r"ang|sum\.gol"
         r"ang|deb\.deb" r"ian\.org|archive\.ubu" r"ntu\.com|\bCla" r"ude\b|Anthro" r"pic|Chat"
         r"GPT|Copi" r"lot")
TEXT = (".c", ".h", ".def", ".py", ".sh", ".js", ".mjs", ".json", ".txt", ".md", ".yaml", ".yml")


def is_c(path):
    return path.endswith((".c", ".h"))


def is_test(path):
    return path.startswith("tests/")


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def code_of(text):
    """The text with comments and the insides of literals blanked; lines and columns stay."""
    return re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", blank, text,
                  flags=re.S)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def world_files(tree):
    match = re.search(r"set\(WORLD_FILES(.*?)\)", tree.get("CMakeLists.txt", ""), re.S)
    return set(match.group(1).split()) if match else set()


def core_files(tree):
    world = world_files(tree) | {"router/main.c"}
    return sorted(path for path in tree
                  if re.fullmatch(r"(common|router|cluster)/\w+\.c", path) and path not in world)


def is_script(path, text):
    return path.endswith((".py", ".sh", ".js", ".mjs")) or text.startswith("#!")


# ---- the rules


def rule_columns(tree):
    for path, text in tree.items():
        if is_c(path) or is_script(path, text):  # a row of a .def table is one line
            for number, line in enumerate(text.split("\n"), 1):
                if len(line) > COLUMNS_MAX:
                    yield f"{path}:{number}: {len(line)} columns, at most {COLUMNS_MAX}"


def rule_function_lines(tree):
    for path, text in tree.items():
        if not is_c(path):
            continue
        start = None
        for number, line in enumerate(code_of(text).split("\n"), 1):
            if line.rstrip() == "{":
                start = number
            elif line.rstrip() == "}" and start is not None:
                if number - start + 1 > FUNCTION_LINES_MAX:
                    yield (f"{path}:{start}: a function of {number - start + 1} lines, "
                           f"at most {FUNCTION_LINES_MAX}")
                start = None


def rule_file_lines(tree):
    for path, text in tree.items():
        lines = text.count("\n")
        if (is_c(path) or is_script(path, text)) and lines > LONG_FILES.get(path, FILE_LINES_MAX):
            yield f"{path}: {lines} lines, at most {FILE_LINES_MAX}; split it by noun"


def rule_banned_calls(tree):
    pure = set(core_files(tree))
    calls = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(BANNED))
    for path, text in tree.items():
        if not is_c(path):
            continue
        code = code_of(text)
        for match in calls.finditer(code):
            instead, allowed = BANNED[match.group(1)]
            if allowed == "impure" and path not in pure:
                continue
            if allowed is not None and re.match(allowed, path):
                continue
            yield f"{path}:{line_of(code, match.start())}: {match.group(1)}: use {instead}"


def rule_include_direction(tree):
    for path, text in tree.items():
        folder = path.split("/")[0]
        if not path.endswith((".c", ".h", ".def")) or folder not in INCLUDES:
            continue
        allowed = next((more for pattern, more in INCLUDES_OF_FILE.items()
                        if re.fullmatch(pattern, path)), INCLUDES[folder])
        for number, line in enumerate(text.split("\n"), 1):
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if match and match.group(1).split("/")[0] not in allowed:
                yield f"{path}:{number}: {folder} may include only {', '.join(allowed)}"


def rule_atomics(tree):
    for path, text in tree.items():
        if is_c(path) and not is_test(path) and not re.match(ATOMIC_FILES, path):
            for match in re.finditer(ATOMIC, code_of(text)):
                yield f"{path}:{line_of(text, match.start())}: {match.group(0)}: not in this file"


def rule_marks(tree):
    for path, text in tree.items():
        if is_c(path) or path.endswith((".def", ".txt")) or is_script(path, text):
            for match in re.finditer(MARKS, text):
                yield f"{path}:{line_of(text, match.start())}: leftover mark {match.group(0)}"


def rule_headers(tree):
    for path, text in tree.items():
        if not path.endswith(".h"):
            continue
        if not text.startswith("/*"):
            yield f"{path}:1: a header opens with its comment"
        name = re.sub(r"\W", "_", os.path.basename(path)).upper()
        if not re.search(rf"^#ifndef (CLOS_(?:\w+_)?{name})\n#define \1\n", text, re.M):
            yield f"{path}: include guard CLOS_{name} is missing"


def rule_white_space(tree):
    for path, text in tree.items():
        if not path.endswith(TEXT) and not is_script(path, text):
            continue
        for number, line in enumerate(text.split("\n"), 1):
            if line != line.rstrip():
                yield f"{path}:{number}: white space at the end of the line"
            if is_c(path) and "\t" in line:
                yield f"{path}:{number}: a tab"
        if text and not text.endswith("\n"):
            yield f"{path}: the last line has no end"


def rule_names(tree):
    for path, text in tree.items():
        for match in re.finditer(HOSTS, text):
            yield (f"{path}:{line_of(text, match.start())}: {match.group(0)}: "
                   "no machine path, registry or maker's name")


def rule_typedefs(tree):
    for path, text in tree.items():
        if is_c(path):
            code = code_of(text)
            for match in re.finditer(r"\btypedef\b[^;]*;", code):
                if not re.search(r"\w_(id|set);$", match.group(0)):
                    yield f"{path}:{line_of(code, match.start())}: typedef only for ids and sets"


def rule_braces(tree):
    opening = re.compile(r"^[ ]*(?:if|for|while|\} else if) \(|^[ ]*(?:\} )?else\b", re.M)
    for path, text in tree.items():
        if not is_c(path):
            continue
        code = code_of(text)
        for match in opening.finditer(code):
            at = match.end()
            if match.group(0).endswith("("):
                depth = 1
                while depth > 0 and at < len(code):
                    depth += {"(": 1, ")": -1}.get(code[at], 0)
                    at += 1
            end = code.find("\n", at)
            if code[:end].rsplit("\n", 2)[-2].endswith("\\") and code[end - 1] != "\\":
                continue  # a loop's head as a macro: whoever uses it writes the braces
            rest = code[at:at + 200].lstrip(" \n\\")
            if not rest.startswith("{") and not rest.startswith("if ("):
                yield f"{path}:{line_of(code, match.start())}: braces always"


def rule_unit_tests(tree):
    for path in core_files(tree):
        name = os.path.basename(path)[:-2]
        own = f"tests/unit/{name}_test.c"
        test, reason = TESTED_BY.get(path, (own, "mirrors names"))
        if test not in tree:
            yield f"{path}: {test} is missing"
    for path, (test, reason) in TESTED_BY.items():
        if "common/base.h" not in tree:
            break  # a canary's tree, which lacks most files
        own = f"tests/unit/{os.path.basename(path)[:-2]}_test.c"
        if path not in tree or not reason or own in tree:
            yield f"tests/tidy.py: TESTED_BY row {path} is stale or gives no reason"


RULES = [rule_columns, rule_function_lines, rule_file_lines, rule_banned_calls,
         rule_include_direction, rule_atomics, rule_marks, rule_headers, rule_white_space,
         rule_names, rule_typedefs, rule_braces, rule_unit_tests]

CMAKE = "set(WORLD_FILES common/world.c)\n"
GUARD = "/* What. */\n#ifndef CLOS_A_H\n#define CLOS_A_H\n#endif\n"
# rule, what the canary shows, tree that must be refused
CANARIES = [
    (rule_columns, "line", {"common/a.c": "int a; /* " + "x" * 100 + " */\n"}),
    (rule_columns, "script", {"tests/a.sh": "#" * 101 + "\n"}),
    (rule_function_lines, "function", {"router/a.c": "void a(void)\n{\n" + "b();\n" * 69 + "}\n"}),
    (rule_file_lines, "file", {"router/a.c": "int a;\n" * 601}),
    (rule_atomics, "keyword", {"router/a.c": "static _Atomic int a;\n"}),
    (rule_atomics, "ck", {"client/a.c": "int a = ck_pr_load_int(&b);\n"}),
    (rule_include_direction, "common", {"common/a.c": '#include "router/b.h"\n'}),
    (rule_include_direction, "client", {"client/a.c": '#include "router/b.h"\n'}),
    (rule_include_direction, "cluster", {"cluster/a.c": '#include "client/b.h"\n'}),
    (rule_include_direction, "router", {"router/a.c": '#include "client/b.h"\n'}),
    (rule_include_direction, "bench", {"bench/a.c": '#include "router/b.h"\n'}),
    (rule_marks, "mark", {"common/a.c": "/* TO" + "DO: more */\n"}),
    (rule_headers, "no comment", {"common/a.h": GUARD.split("\n", 1)[1]}),
    (rule_headers, "no guard", {"common/a.h": "/* What. */\nint a;\n"}),
    (rule_white_space, "end of line", {"common/a.c": "int a; \n"}),
    (rule_white_space, "tab", {"common/a.c": "\tint a;\n"}),
    (rule_white_space, "end of file", {"common/a.c": "int a;"}),
    (rule_names, "path", {"README.md": "see /ro" + "ot/clos\n"}),
    (rule_names, "registry", {"tests/a.json": '"https://registry.np' + 'mjs.org/x"\n'}),
    (rule_typedefs, "struct", {"common/a.c": "typedef struct a a;\n"}),
    (rule_braces, "if", {"common/a.c": "void a(void)\n{\n    if (b(c))\n        d();\n}\n"}),
    (rule_braces, "else", {"common/a.c": "\n    } else\n        d();\n"}),
    (rule_unit_tests, "untested", {"common/a.c": "int a;\n", "CMakeLists.txt": CMAKE}),
] + [(rule_banned_calls, name, {"common/a.c": f"    x = {name}(y);\n", "CMakeLists.txt": CMAKE})
     for name in BANNED]
# what the rules must let pass, so that a rule that refuses everything fails as well
GOOD = {
    "CMakeLists.txt": CMAKE,
    "common/a.h": GUARD,
    "common/a.c": "/* free() and time() are words in a comment */\nchar *a = \"gets(x)\";\n"
                  "void b(struct c *c)\n{\n    if (c) {\n        c->free(c);\n    } else if (d) {\n"
                  "        do {\n        } while (e);\n    }\n}\n",
    "common/world.c": "void *w(void)\n{\n    return malloc(1);\n}\n",
    "common/ring.h": GUARD.replace("_A_", "_RING_") + "/* _Atomic */\n",
    "common/ids.h": GUARD.replace("_A_", "_IDS_") + "typedef uint64_t session_id;\n",
    "tests/unit/a_test.c": '#include "common/a.h"\n',
    "tests/real/r.c": "void r(void)\n{\n    usleep(1);\n}\n",
}


def formatter():
    return shutil.which("clang-format-14")


def format_complaints(paths, root):
    done = subprocess.run([formatter(), "--style=file", "--dry-run", *paths], cwd=root,
                          capture_output=True, text=True, check=False)
    lines = [x for x in done.stderr.split("\n") if re.search(r": (warning|error): ", x)]
    seen = {}
    for line in lines:
        seen.setdefault(line.split(":")[0], line.split(": ", 1)[0])
    return [f"{where}: not as clang-format writes it (tests/tidy.py --fix)"
            for where in seen.values()]


def format_canary(root):
    done = subprocess.run([formatter(), "--style=file", "--assume-filename=common/a.c",
                           "--dry-run", "--Werror"], input="int  a ( void );\n", cwd=root,
                          capture_output=True, text=True, check=False)
    return "code should be clang-formatted" in done.stderr


def read_tree(root):
    tree = {}
    for folder, folders, files in os.walk(root):
        at = os.path.relpath(folder, root)
        folders[:] = [x for x in folders
                      if x not in (".git", "node_modules", "__pycache__", "corpus")
                      and not (at == "." and x.startswith("build"))]
        for name in files:
            path = os.path.normpath(os.path.join(at, name))
            if os.path.islink(os.path.join(root, path)) or path == ".git":
                continue
            try:
                with open(os.path.join(root, path), encoding="utf-8") as file:
                    tree[path] = file.read()
            except UnicodeDecodeError:
                pass  # a picture: not source
    return tree


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def judge(self, name, complaints):
        if complaints:
            self.failed += 1
            print(f"FAIL {name}")
            for complaint in complaints[:40]:
                print(f"    {complaint}")
            if len(complaints) > 40:
                print(f"    and {len(complaints) - 40} more")
        else:
            self.passed += 1

    def skip(self, name, why):
        self.skipped += 1
        print(f"skip {name}: {why}")


def main():
    if sys.argv[1:] not in ([], ["--fix"]):
        sys.exit("usage: tests/tidy.py [--fix]")
    count = Count()
    sources = sorted(path for path in read_tree(ROOT) if is_c(path))
    if sys.argv[1:] == ["--fix"] and formatter():
        subprocess.run([formatter(), "--style=file", "-i", *sources], cwd=ROOT, check=True)
    tree = read_tree(ROOT)
    for rule in RULES:
        name = rule.__name__.replace("rule_", "")
        count.judge(name, list(rule(tree)))
        count.judge(f"{name} lets good code pass", list(rule(GOOD)))
    for rule, what, bad in CANARIES:
        name = rule.__name__.replace("rule_", "")
        count.judge(f"{name} refuses its canary: {what}",
                    [] if list(rule(bad)) else ["the canary was not refused"])
    missing = {rule for rule in RULES} - {rule for rule, _, _ in CANARIES}
    count.judge("every rule has a canary", [rule.__name__ for rule in missing])
    if formatter():
        count.judge("format", format_complaints(sources, ROOT))
        count.judge("format refuses its canary",
                    [] if format_canary(ROOT) else ["the canary was not refused"])
    else:
        count.skip("format", "clang-format-14 is not installed")
    print(f"{count.passed} passed, {count.failed} failed, {count.skipped} skipped")
    sys.exit(1 if count.failed else 0)


if __name__ == "__main__":
    main()
