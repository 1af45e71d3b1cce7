#!/usr/bin/env python3
"""Two result files in, one table out: what changed, and what is only noise.

    bench/compare.py OLD NEW [--metric NAME]... [--min-runs N]
    bench/compare.py --self-test

A file holds the objects of `clos bench --json`, one a line, each workload run several times. Runs
are alike when everything they were asked for is alike. A difference of medians is called one only
if it is larger than what repeated runs of the same side differ by: with the spread of a side being
1.4826 times the median distance from its median (like a standard deviation, but deaf to a single
bad run), it must exceed three times the standard error of the two medians, and the two sides must
hardly overlap. Otherwise, or with under N runs on a side (5), the verdict is "noise".
Exit code 1 if anything got worse.
"""
import argparse
import json
import math
import random
import statistics
import sys

ASKED = ("router", "workload", "scenario", "transport", "serializer", "transport_receivers",
         "serializer_receivers", "publishers", "subscribers", "topics", "callers", "callees",
         "procedures", "sessions", "concurrency", "reset_percent", "payload", "rate_asked",
         "window", "acknowledge")
# metric: whether more is better
METRICS = {"rate": True, "cpu_us_per_message": False, "p50_us": False, "p99_us": False,
           "rss": False, "rss_per_session": False, "lost": False}
SIGMAS = 3.0
OVERLAP_MOST = 0.1


def read_runs(path):
    """Workload to the list of its results."""
    runs = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.strip():
                result = json.loads(line)
                key = tuple((name, result[name]) for name in ASKED if name in result)
                runs.setdefault(key, []).append(result)
    return runs


def spread(values):
    middle = statistics.median(values)
    return 1.4826 * statistics.median(abs(value - middle) for value in values)


def overlap(old, new):
    """The share of pairs that stand against the order of the medians; 0.5 is no order at all."""
    above = sum((b > a) + 0.5 * (b == a) for a in old for b in new) / (len(old) * len(new))
    return min(above, 1 - above)


def judge(old, new, more_is_better, runs_min):
    """("better" | "worse" | "noise" | "same", relative change of the median)."""
    before, after = statistics.median(old), statistics.median(new)
    change = (after - before) / before if before != 0 else (math.inf if after != 0 else 0.0)
    if before == after:
        return "same", 0.0
    if min(len(old), len(new)) < runs_min:
        return "noise", change
    # a median's standard error is 1.2533 sigma / sqrt(n) for a normal spread
    error = 1.2533 * math.hypot(spread(old) / math.sqrt(len(old)),
                                spread(new) / math.sqrt(len(new)))
    if abs(after - before) <= SIGMAS * error or overlap(old, new) > OVERLAP_MOST:
        return "noise", change
    return ("better" if (after > before) == more_is_better else "worse"), change


def name_of(key):
    words = dict(key)
    if "workload" in words:
        return f"{words.get('router', '')} {words['workload']}".strip()
    shape = [f"{n}={words[n]}" for n in ("publishers", "subscribers", "topics", "callers",
                                         "callees", "sessions") if n in words]
    pace = f"rate={words['rate_asked']}" if words.get("rate_asked") else f"window={words['window']}"
    return " ".join([words["scenario"], f"{words['transport']}/{words['serializer']}", *shape,
                     f"payload={words['payload']}", pace])


def compare(old_runs, new_runs, metrics, runs_min):
    """Rows of (workload, metric, old, new, change, verdict)."""
    rows = []
    for key, old_results in old_runs.items():
        for metric in metrics:
            old = [r[metric] for r in old_results if metric in r]
            new = [r[metric] for r in new_runs.get(key, []) if metric in r]
            if old and new:
                verdict, change = judge(old, new, METRICS[metric], runs_min)
                rows.append((name_of(key), metric, old, new, change, verdict))
    return rows


def side(values):
    return f"{statistics.median(values):.4g} ± {spread(values):.2g} ({len(values)})"


def table(rows):
    lines = ["| workload | metric | old | new | change | verdict |", "|---|---|---|---|---|---|"]
    for workload, metric, old, new, change, verdict in rows:
        lines.append(f"| {workload} | {metric} | {side(old)} | {side(new)} | {100 * change:+.1f} % "
                     f"| {verdict} |")
    return "\n".join(lines)


def self_test():
    """Noise must be called noise, and a real change must not."""
    rng = random.Random(1)

    def draw(mean, count=7):
        return [rng.gauss(mean, 5.0) for _ in range(count)]

    called = sum(judge(draw(100), draw(100), True, 5)[0] != "noise" for _ in range(2000))
    found = sum(judge(draw(100), draw(130), True, 5)[0] == "better" for _ in range(2000))
    wrong = sum(judge(draw(100), draw(130), True, 5)[0] == "worse" for _ in range(2000))
    facts = [
        (f"no more than 2 % of 2000 equal pairs called a change ({called})", called <= 40),
        (f"at least 95 % of 2000 changes of six sigma found ({found})", found >= 1900),
        ("none of them with the wrong sign", wrong == 0),
        ("four runs are too few", judge([1] * 4, [2] * 4, True, 5)[0] == "noise"),
        ("one bad run changes nothing",
         judge([10, 11, 10, 9, 10], [10, 11, 90, 9, 10], True, 5)[0] in ("noise", "same")),
        ("less CPU is better",
         judge([10, 11, 10, 9, 10], [5, 5, 6, 5, 4], False, 5)[0] == "better"),
        ("less rate is worse", judge([10, 11, 10, 9, 10], [5, 5, 6, 5, 4], True, 5)[0] == "worse"),
    ]
    for text, good in facts:
        print(f"{'ok' if good else 'FAILED'}: {text}")
    failed = sum(not good for _, good in facts)
    print(f"{len(facts) - failed} passed, {failed} failed")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("old", nargs="?")
    parser.add_argument("new", nargs="?")
    parser.add_argument("--metric", action="append", choices=sorted(METRICS))
    parser.add_argument("--min-runs", type=int, default=5)
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()
    if arguments.new is None:
        parser.error("two files, or --self-test")
    rows = compare(read_runs(arguments.old), read_runs(arguments.new),
                   arguments.metric or list(METRICS), arguments.min_runs)
    if not rows:
        print("the files have no workload in common", file=sys.stderr)
        return 2
    print(table(rows))
    return 1 if any(row[5] == "worse" for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
