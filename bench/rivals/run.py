#!/usr/bin/env python3
"""The same workloads against every WAMP router that install.sh could install, into one table.

    bench/rivals/run.py [--rounds R] [--seconds S] [--clos build/clos] [--only NAME,NAME]
                        [--results FILE]

Routers run on core 0 (one worker, GOMAXPROCS=1), the load maker on core 1. In each round every
router is started afresh; each workload then visits all of them before the next one begins, so that
whatever else the machine does falls on all alike. Cells are medians over the rounds; a cell says
how much was lost if anything was. All results go to FILE, one JSON object a line, for compare.py.
"""
import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.path.join(os.environ.get("CLOS_CACHE") or os.path.expanduser("~/.cache/clos"), "rivals")
START_S = 40
ROUTER_CORE = {0}
LOAD_CORE = {1}

RS = {"transport": "rs", "serializer": "msgpack"}
WS = {"transport": "ws", "serializer": "json"}

# name of the column, transport, words for clos bench, (key of its result, format). The first one
# must be the one that weighs sessions: it wants a router that has done nothing yet.
WORKLOADS = [
    ("idle session, KiB", RS, ["connect", "--sessions", "2000", "--hold", "1"],
     lambda r: r["rss_per_session"] / 1024, "{:.1f}"),
    ("join, us", RS, ["connect", "--sessions", "1000", "--hold", "0"],
     lambda r: r["cpu_us_per_message"], "{:.0f}"),
    ("RS msgpack 1 to 1, us", RS, ["pubsub"], lambda r: r["cpu_us_per_message"], "{:.2f}"),
    ("WS json 1 to 1, us", WS, ["pubsub"], lambda r: r["cpu_us_per_message"], "{:.2f}"),
    ("RS msgpack 1 to 64, us", RS, ["pubsub", "--subscribers", "64"],
     lambda r: r["cpu_us_per_message"], "{:.2f}"),
    ("WS json 1 to 64, us", WS, ["pubsub", "--subscribers", "64"],
     lambda r: r["cpu_us_per_message"], "{:.2f}"),
    ("rpc, 1000 in flight, us", RS, ["rpc", "--window", "1000"],
     lambda r: r["cpu_us_per_message"], "{:.2f}"),
    ("rpc, one at a time, calls/s", RS, ["rpc", "--window", "1"], lambda r: r["rate"], "{:.0f}"),
    ("event at 1000/s, p99 us", RS, ["pubsub", "--rate", "1000"], lambda r: r["p99_us"], "{:.0f}"),
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fill(template, to, ports):
    with open(os.path.join(HERE, template), encoding="utf-8") as file:
        text = file.read()
    for name, port in ports.items():
        text = text.replace(f"@{name}@", str(port))
    os.makedirs(os.path.dirname(to), exist_ok=True)
    with open(to, "w", encoding="utf-8") as file:
        file.write(text)


class Router:
    """One started router: its process and where it listens."""

    def __init__(self, name, clos, folder):
        self.name = name
        self.log = os.path.join(folder, name + ".log")
        ports = {"RS": free_port(), "WS": free_port()}
        self.urls = {"rs": f"rs://127.0.0.1:{ports['RS']}", "ws": f"ws://127.0.0.1:{ports['WS']}/"}
        command, where = getattr(self, "start_" + name.replace("-", "_"))(clos, folder, ports)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                command, cwd=where, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env={**os.environ, "GOMAXPROCS": "1"},
                preexec_fn=lambda: os.sched_setaffinity(0, ROUTER_CORE))

    def start_clos(self, clos, folder, ports):
        self.urls["ws"] = f"ws://127.0.0.1:{ports['RS']}/ws"
        return [clos, "start", "--workers", "1", "--listen",
                f"tcp://127.0.0.1:{ports['RS']}"], folder

    def start_nexus(self, _clos, folder, ports):
        config = os.path.join(folder, "nexus.json")
        fill("nexus.json", config, ports)
        return [os.path.join(CACHE, "bin/nexus"), "-c", config], folder

    def start_crossbar(self, _clos, folder, ports):
        where = os.path.join(folder, "crossbar")
        fill("crossbar.json", os.path.join(where, "config.json"), ports)
        return [os.path.join(CACHE, "crossbar/bin/crossbar"), "start", "--cbdir", where], folder

    def start_nxt(self, _clos, folder, ports):
        where = os.path.join(folder, "nxt")
        fill("nxt.yaml", os.path.join(where, ".nxt/config.yaml"), ports)
        return [os.path.join(CACHE, "bin/nxt"), "start"], where

    def start_fox_wamp(self, _clos, _folder, ports):
        del self.urls["rs"]
        return ["node", "fox.js", str(ports["WS"])], os.path.join(CACHE, "fox")

    def wait(self):
        """Whether it listens before START_S have passed."""
        until = time.monotonic() + START_S
        for url in self.urls.values():
            port = int(url.split(":")[2].split("/")[0])
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    if time.monotonic() > until or self.process.poll() is not None:
                        return False
                    time.sleep(0.1)
        return True

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def installed(clos):
    paths = {"clos": clos, "nexus": f"{CACHE}/bin/nexus", "nxt": f"{CACHE}/bin/nxt",
             "crossbar": f"{CACHE}/crossbar/bin/crossbar",
             "fox-wamp": f"{CACHE}/fox/node_modules/fox-wamp/index.js"}
    return [name for name, path in paths.items() if path and os.path.exists(path)]


def measure(arguments, router, workload):
    """One result, or None where the router can't do it; the reason goes to stderr."""
    title, how, words, _, _ = workload
    if how["transport"] not in router.urls:
        return None
    command = [arguments.bench, "bench"] + words + [
        "--to", router.urls[how["transport"]], "--serializer", how["serializer"],
        "--pid", str(router.process.pid), "--json", "--quiet", "--allow-loss", "--drain", "2"]
    if words[0] != "connect":
        command += ["--duration", str(arguments.seconds + 1)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300,
                          preexec_fn=lambda: os.sched_setaffinity(0, LOAD_CORE), check=False)
    if done.stderr:
        print(f"{router.name}: {title}: {done.stderr.strip()}", file=sys.stderr)
    if not done.stdout.startswith("{"):
        return None
    result = json.loads(done.stdout)
    result.update(router=router.name, workload=title)
    return result


def run_round(arguments, names, results):
    with tempfile.TemporaryDirectory() as folder:
        routers = [Router(name, arguments.clos, folder) for name in names]
        try:
            ready = []
            for router in routers:
                if router.wait():
                    ready.append(router)
                else:
                    with open(router.log, errors="replace", encoding="utf-8") as log:
                        print(f"{router.name} did not start: {log.read()[-500:]}", file=sys.stderr)
            for workload in WORKLOADS:
                for router in ready:
                    result = measure(arguments, router, workload)
                    if result is not None:
                        results.append(result)
                        arguments.file.write(json.dumps(result) + "\n")
                        arguments.file.flush()
        finally:
            for router in routers:
                router.stop()


def cell(results, name, workload):
    title, _, _, value, form = workload
    found = [r for r in results if r["router"] == name and r["workload"] == title]
    good = [r for r in found if r["messages"] > 0]
    if not good:
        return "–"
    text = form.format(statistics.median(value(r) for r in good))
    lost = sum(r["lost"] for r in found)
    errors = sum(r["errors"] for r in found)
    if lost > 0:
        text += f" ({100 * lost / max(1, lost + sum(r['received'] for r in found)):.1f} % lost)"
    if errors > 0:
        text += f" ({errors} errors)"
    if max(r["harness_cpu"] for r in good) > 0.95:
        text += " (load maker was the limit)"
    return text


def table(results, names):
    lines = ["| | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    for workload in WORKLOADS:
        cells = [cell(results, name, workload) for name in names]
        lines.append(f"| {workload[0]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--clos", default=os.path.join(HERE, "../../build/clos"))
    parser.add_argument("--bench", help="the program whose `bench` makes the load (--clos)")
    parser.add_argument("--only", help="names, separated by commas")
    parser.add_argument("--results", default=os.devnull)
    arguments = parser.parse_args()
    arguments.clos = os.path.abspath(arguments.clos)
    arguments.bench = os.path.abspath(arguments.bench or arguments.clos)
    names = installed(arguments.clos)
    if arguments.only:
        names = [name for name in names if name in arguments.only.split(",")]
    if not names or not os.path.exists(arguments.bench):
        sys.exit("nothing to run: build clos, and see install.sh")
    results = []
    with open(arguments.results, "a", encoding="utf-8") as arguments.file:
        for number in range(arguments.rounds):
            print(f"round {number + 1} of {arguments.rounds}: {', '.join(names)}", file=sys.stderr)
            run_round(arguments, names, results)
    print(table(results, names))


if __name__ == "__main__":
    main()
