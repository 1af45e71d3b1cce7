#!/usr/bin/env python3
"""Planted bugs: each must be caught, or our proofs prove nothing.

A copy of the sources is built; one after the other, each bug of the table below is written into it
(a text is replaced by another, which must stand there exactly once), the simulator or the order
test runs on it, and must fail. The product itself holds no switch for any of this.

    tests/mutants.py            all, and before them the sources as they are, which must pass
    tests/mutants.py NAME...    some
The last line counts: N passed, N failed, N skipped (passed: the bug was caught).
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SEEDS = 2000
BATCH = 50
QUIET = "-DCMAKE_C_FLAGS=-Wno-unused-function -Wno-unused-variable -Wno-unused-parameter"

# name, file, text, what it becomes, who must catch it, more replacements of the same kind
MUTANTS = [
    ("calls_of_a_caller_that_left_stay", "router/dealer.c",
     "            check(map_take(&invocation->callee->invocations, invocation->request)"
     " == invocation);\n"
     "            invocation_free(invocation);\n        }\n        core->gauges.calls_open--;",
     "            invocation->call = NULL;\n        }\n        core->gauges.calls_open--;", "sim"),
    ("callee_gone_and_nobody_told", "router/dealer.c",
     "        invocation_answer(invocation, &answer);\n    }\n}\n\nvoid dealer_leave",
     "        (void)answer;\n        if (invocation->call != NULL) {\n"
     "            invocation->call->invocation = NULL;\n        }\n"
     "        invocation_free(invocation);\n    }\n}\n\nvoid dealer_leave", "sim"),
    ("late_yield_is_a_violation", "router/dealer.c",
     "    if (request > session->invocation_last) {",
     "    if (request > 0) {", "sim"),
    ("subscribed_after_the_first_event", "router/broker.c",
     "member->session == event->skip || member_waits(subscription, member)",
     "member->session == event->skip", "sim"),
    ("subscribed_without_a_barrier", "router/broker.c",
     "    if (subscription->awaited == 0) {\n"
     "        membership_answer(membership);\n    }\n    return true;",
     "    membership_answer(membership);\n    return true;", "sim"),
    ("invoked_before_registered", "router/dealer.c",
     "    endpoint_answer(order->endpoint); /* REGISTERED before the first INVOCATION"
     " (B-ORD-4) */",
     "    ;", "sim"),
    ("a_full_ring_turns_parcels_around", "common/parcel.c",
     "    list_push(lane->ready.next, &parcel->link); /* before the first */",
     "    list_push(&lane->ready, &parcel->link);", "sim"),
    ("routes_are_not_forgotten", "router/broker.c",
     "    route_forget(&realm->topics);\n    core->gauges.subscriptions++;",
     "    core->gauges.subscriptions++;", "sim"),
    ("short_sends_count_as_whole", "router/worker.c",
     "            conn_sent(socket->conn, (size_t)event->result);",
     "            conn_sent(socket->conn, size_min(socket->conn->out.bytes, 4096));", "sim"),
    ("single_is_granted_twice", "router/register.c",
     "    if (claim != NULL && (policy == INVOKE_SINGLE || policy != claim->policy)) {",
     "    if (claim != NULL && policy != claim->policy) {", "sim"),
    ("event_to_an_interested_place_twice", "router/broker.c",
     "        core_note_post(session->conn->core, place_pop(&places), &note, session->conn);",
     "        place_id to = place_pop(&places);\n"
     "        core_note_post(session->conn->core, to, &note, session->conn);\n"
     "        if (event->publication % 64 == 0) {\n"
     "            core_note_post(session->conn->core, to, &note, session->conn);\n        }",
     "sim"),
    ("leaving_keeps_the_interest_elsewhere", "router/broker.c",
     "    if (subscription->count == 0) {\n        subscription_withdraw(subscription);",
     "    if (subscription->count == 0) {", "sim"),
    ("publisher_hears_itself", "router/broker.c",
     "        .skip = message->exclude_me ? session : NULL,",
     "        .skip = NULL,", "sim"),
    # the three that break the order of a pair, on the real binary
    ("topics_sharded_over_workers", "router/broker.c",
     "    place_set places = event_hand_out(session->realm, &event);\n",
     "    place_set places = 0;\n"
     "    place_id home = realm_home(session->realm, MATCH_EXACT, event.topic);\n"
     "    if (home == core->self) {\n"
     "        places = event_hand_out(session->realm, &event);\n"
     "    } else {\n"
     "        places = place_bit(home);\n"
     "    }\n", "order",
     ("router/broker.c",
      "    event_hand_out(realm, &event);\n}",
      "    place_set places = event_hand_out(realm, &event);\n"
      "    while (realm_home(realm, MATCH_EXACT, event.topic) == realm->core->self\n"
      "           && places != 0) {\n"
      "        core_note_post(realm->core, place_pop(&places), note, NULL);\n"
      "    }\n}")),
    ("a_second_way_between_places", "common/parcel.c",
     "    struct list *link = list_pop(&lane->ready);\n",
     "    struct list *link = NULL;\n"
     "    if (!list_empty(&lane->ready)) {\n"
     "        link = lane->ready.prev;\n"
     "        list_remove(link);\n"
     "    }\n", "order"),
]


def run(command, cwd, timeout):
    try:
        done = subprocess.run(command, cwd=cwd, timeout=timeout, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        return 124, (late.stdout or b"").decode(errors="replace") if late.stdout else "time is over"


def build(tree):
    code, out = run(["ninja", "-C", "build", "sim", "clos"], tree, 600)
    if code != 0:
        print(out[-2000:])
    return code == 0


def caught_by_sim(tree):
    for first in range(1, SEEDS, BATCH):
        code, out = run(["build/sim", str(first), str(first + BATCH - 1)], tree, 300)
        if code != 0:
            return out.strip().splitlines()[-1] if out.strip() else "stopped"
    return None


def caught_by_order(tree):
    env = dict(os.environ, CLOS=os.path.join(tree, "build/clos"), MUTANT="1")
    begin = time.monotonic()
    done = subprocess.run(["tests/real/order_real.sh", "2000000"], cwd=tree, env=env, timeout=240,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode == 0:
        return None
    words = [line for line in done.stdout.splitlines() if "verdict" in line or "gone" in line]
    return "%s (%.0f s)" % (words[0].strip() if words else "failed", time.monotonic() - begin)


CATCHERS = {"sim": caught_by_sim, "order": caught_by_order}


def write(path, text):
    with open(path, "w", encoding="utf-8") as source:
        source.write(text)


def plant(tree, replacements):
    """Writes the bug into the tree; what the files were before, or {} when a text is not there."""
    kept = {}
    for file, text, other in replacements:
        path = os.path.join(tree, file)
        with open(path, encoding="utf-8") as source:
            whole = source.read()
        kept.setdefault(path, whole)
        if whole.count(text) != 1:
            print("a text of this bug stands %d times in %s" % (whole.count(text), file))
            for other_path, before in kept.items():
                write(other_path, before)
            return {}
        write(path, whole.replace(text, other))
    return kept


def main():
    wanted = set(sys.argv[1:])
    passed = failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        tree = os.path.join(temporary, "tree")
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns("build*", ".git", "__pycache__"))
        code, out = run(["cmake", "-B", "build", "-G", "Ninja", "-DTESTS=ON", QUIET], tree, 120)
        if code != 0 or not build(tree):
            print(out[-2000:])
            print("0 passed, 1 failed, 0 skipped")
            return 1
        if not wanted:
            verdict = caught_by_sim(tree)
            if verdict is None:
                print("passed: without a bug, %d seeds, each twice with equal traces" % SEEDS)
                passed += 1
            else:
                print("failed: without a bug: %s" % verdict)
                failed += 1
        for name, file, text, other, catcher, *more in MUTANTS:
            if wanted and name not in wanted:
                continue
            kept = plant(tree, [(file, text, other), *more])
            verdict = CATCHERS[catcher](tree) if kept and build(tree) else None
            for path, whole in kept.items():
                write(path, whole)
            if verdict is None:
                print("failed: %s was not caught" % name)
                failed += 1
            else:
                print("caught: %s: %s" % (name, verdict))
                passed += 1
            sys.stdout.flush()
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return 0 if failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
