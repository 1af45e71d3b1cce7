#!/usr/bin/env python3
"""Other people's clients against a router: every scenario with every client, serializer and
transport, then every payload from each of them to each other one.

    interop.py --ws URL [--rs rs://HOST:PORT] [--unix-ws PATH] [--unix-rs PATH]
               [--modules FOLDER] [--realm NAME] [--only WORD] [--noise FILE]

The clients run unmodified in agents (agent.js, agent.py), which obey commands over pipes. A line a
scenario; the last line counts them. Nothing is waited for by the clock: that something does not
come is shown by a later event on the same session, which must not overtake it.
"""
import argparse
import asyncio
import base64
import itertools
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ANSWER_SECONDS = 10
SILENCES_MAX = 3  # a client that is silent this often on end is given up
LINE_BYTES_MAX = 64 * 1024 * 1024
LARGE = 1_000_000


def octets(data):
    return {"$bin": base64.b64encode(data).decode()}


def nested(depth):
    value = []
    for level in range(depth):
        value = [level, value] if level % 2 else {"level": level, "in": value}
    return value


PAYLOADS = {
    "plain": ([1, "two", None, True, False, 1.5], {"a": {"b": [1, 2, {"c": "d"}]}}),
    "empty": ([], {}),
    "hollow": (["", [], {}, [[]], [{}]], {"list": [], "dict": {}, "text": ""}),
    "unicode": (["Grüße, 世界, 🌍 \u2028", "\u0001\u001f\"\\/\b\f\n\r\t\u007f"],
                {"ключ": "värde", "emoji": "👩‍👩‍👧"}),
    "nested": ([nested(24)], {"deep": nested(15)}),
    "numbers": ([0, -1, 23, 24, 127, 128, 255, 256, -32, -33, -128, -129, 65535, 65536, 2**31 - 1,
                 2**31, 2**32 - 1, 2**32, -2**31 - 1, 2**53 - 1, 1 - 2**53, 0.5, -1.25e-7, 1e300],
                {"pi": 3.141592653589793}),
    "octets": ([octets(bytes(range(256))), octets(b"\0"), [octets(b"\xff" * 300)]],
               {"in": {"a": octets(b"clos")}}),
    "large text": (["x" * LARGE], {}),
    "large octets": ([octets(bytes(range(256)) * 2700)], {}),
}


class Agent:
    """One client library in a process of its own, holding any number of sessions."""

    def __init__(self, command, environment):
        self.command = command
        self.environment = environment
        self.answers = {}
        self.events = {}
        self.ids = itertools.count(1)
        self.ended = False

    async def start(self, noise):
        self.process = await asyncio.create_subprocess_exec(
            *self.command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=noise, limit=LINE_BYTES_MAX, env={**os.environ, **self.environment})
        self.reading = asyncio.create_task(self.read())

    async def read(self):
        while line := await self.process.stdout.readline():
            try:
                said = json.loads(line)
            except ValueError:
                print("   |", line.decode(errors="replace").rstrip())
                continue
            if "event" in said:
                self.queue(said["event"]).put_nowait(said)
            elif said["id"] in self.answers:
                self.answers.pop(said["id"]).set_result(said)
        self.ended = True
        for answer in [x for x in self.answers.values() if not x.done()]:
            answer.set_exception(RuntimeError("the agent ended"))

    def queue(self, handle):
        return self.events.setdefault(handle, asyncio.Queue())

    async def ask(self, **command):
        if self.ended:
            raise RuntimeError("the agent has ended")
        command["id"] = next(self.ids)
        answer = self.answers[command["id"]] = asyncio.get_running_loop().create_future()
        self.process.stdin.write((json.dumps(command) + "\n").encode())
        await self.process.stdin.drain()
        return await asyncio.wait_for(answer, ANSWER_SECONDS)

    async def stop(self):
        self.process.stdin.close()
        try:
            await asyncio.wait_for(self.process.wait(), ANSWER_SECONDS)
        except asyncio.TimeoutError:
            self.process.kill()
            await self.process.wait()


class Refused(Exception):
    """A WAMP error, as a client reported it."""

    def __init__(self, answer):
        Exception.__init__(self, answer["error"])
        self.uri, self.args_, self.kwargs = answer["error"], answer["args"], answer["kwargs"]


class Person:
    """One session: what a scenario speaks through."""

    names = itertools.count(1)

    def __init__(self, agent, client, serializer, url, realm):
        self.agent, self.client, self.serializer, self.url = agent, client, serializer, url
        self.realm = realm
        self.name = f"p{next(self.names)}"
        self.handles = itertools.count(1)

    async def ask(self, op, **command):
        answer = await self.agent.ask(op=op, person=self.name, **command)
        if "error" in answer:
            raise Refused(answer)
        return answer["ok"]

    async def join(self):
        joined = await self.ask("join", url=self.url, serializer=self.serializer, realm=self.realm)
        self.session = joined["session"]
        return joined

    async def leave(self):
        return await self.ask("leave")

    def handle(self):
        return f"{self.name}.{next(self.handles)}"

    async def subscribe(self, topic, **options):
        handle = self.handle()
        await self.ask("subscribe", topic=topic, options=options, handle=handle)
        return handle

    async def unsubscribe(self, handle):
        await self.ask("unsubscribe", handle=handle)

    async def hear(self, handle):
        return await asyncio.wait_for(self.agent.queue(handle).get(), ANSWER_SECONDS)

    def heard_more(self, handle):
        return self.agent.queue(handle).qsize()

    async def publish(self, topic, args=(), kwargs=None, **options):
        options.setdefault("acknowledge", True)
        return await self.ask("publish", topic=topic, args=list(args), kwargs=kwargs or {},
                              options=options)

    async def register(self, procedure, behaviour="echo", **options):
        handle = self.handle()
        await self.ask("register", procedure=procedure, behaviour=behaviour, options=options,
                       handle=handle)
        return handle

    async def unregister(self, handle):
        await self.ask("unregister", handle=handle)

    async def call(self, procedure, args=(), kwargs=None, handle=None, **options):
        return await self.ask("call", procedure=procedure, args=list(args), kwargs=kwargs or {},
                              options=options, handle=handle)


class Skipped(Exception):
    """The client can't do this."""


def same(got, expected, what):
    if got != expected:
        a, b = (json.dumps(x, ensure_ascii=False)[:300] for x in (got, expected))
        raise AssertionError(f"{what}: got {a}, not {b}")


async def refused(waiting, uri, what):
    try:
        await waiting
    except Refused as error:
        same(error.uri, uri, what)
        return error
    raise AssertionError(f"{what}: was not refused with {uri}")


def payload_for(name, *persons):
    """What all of them can read: wampy's CBOR reads negative integers of 64 bits wrongly."""
    args, kwargs = PAYLOADS[name]
    if any(x.client == "wampy" and x.serializer == "cbor" for x in persons):
        args = [x for x in args if not (isinstance(x, int) and x < -2**32)]
    return args, kwargs


# ---- the scenarios: two sessions, and a URI that nobody else uses


async def events_carry(a, b, uri, payload):
    args, kwargs = payload_for(payload, a, b)
    handle = await b.subscribe(uri)
    await a.publish(uri, args, kwargs)
    event = await b.hear(handle)
    same([event["args"], event["kwargs"]], [args, kwargs], "event")
    await b.unsubscribe(handle)


async def calls_carry(a, b, uri, payload):
    args, kwargs = payload_for(payload, a, b)
    handle = await b.register(uri)
    result = await a.call(uri, args, kwargs)
    same([result["args"], result["kwargs"]], [args, kwargs], "result")
    await b.unregister(handle)


async def errors_carry(a, b, uri, payload):
    args, kwargs = payload_for(payload, a, b)
    handle = await b.register(uri, "fail")
    error = await refused(a.call(uri, args, kwargs), "com.clos.error.test", "error")
    same([error.args_, error.kwargs], [args, kwargs], "error's payload")
    await b.unregister(handle)


async def all_ways(a, b, uri, payload):
    await events_carry(a, b, uri, payload)
    await calls_carry(a, b, uri, payload)
    await errors_carry(a, b, uri, payload)


async def crash_is_an_error(a, b, uri):
    await b.register(uri, "crash")
    error = await refused_any(a.call(uri))
    if error.uri not in ("wamp.error.runtime_error", "wamp.error.invocation_exception"):
        raise AssertionError(f"a callee's exception became {error.uri}")


async def refused_any(waiting):
    try:
        await waiting
    except Refused as error:
        return error
    raise AssertionError("was not refused")


async def no_such_procedure(a, _, uri):
    await refused(a.call(uri), "wamp.error.no_such_procedure", "call")


async def procedure_already_exists(a, b, uri):
    await a.register(uri)
    await refused(b.register(uri), "wamp.error.procedure_already_exists", "second register")


async def unregistered_is_gone(a, b, uri):
    handle = await b.register(uri)
    await a.call(uri)
    await b.unregister(handle)
    await refused(a.call(uri), "wamp.error.no_such_procedure", "call")
    await a.register(uri)


async def unsubscribed_hears_nothing(a, b, uri):
    handle = await b.subscribe(uri)
    later = await b.subscribe(uri + ".later")
    await a.publish(uri, [1])
    same((await b.hear(handle))["args"], [1], "before")
    await b.unsubscribe(handle)
    await a.publish(uri, [2])
    await a.publish(uri + ".later", [3])
    same((await b.hear(later))["args"], [3], "later")
    same(b.heard_more(handle), 0, "events after UNSUBSCRIBED")


async def prefix_subscription(a, b, uri):
    handle = await b.subscribe(uri + ".a", match="prefix")
    for end in (".b", ".a", ".a.x", ".a.y.z"):
        await a.publish(uri + end, [end])
    heard = [await b.hear(handle) for _ in range(3)]
    same([(x["topic"], x["args"]) for x in heard],
         [(uri + end, [end]) for end in (".a", ".a.x", ".a.y.z")], "events")


async def wildcard_subscription(a, b, uri):
    handle = await b.subscribe(uri + "..end", match="wildcard")
    for end in (".x.other", ".x.end", ".x.y.end", ".z.end"):
        await a.publish(uri + end, [end])
    heard = [await b.hear(handle) for _ in range(2)]
    same([(x["topic"], x["args"]) for x in heard],
         [(uri + end, [end]) for end in (".x.end", ".z.end")], "events")


async def prefix_registration(a, b, uri):
    await b.register(uri + ".a", "procedure", match="prefix")
    same((await a.call(uri + ".a.x.y"))["args"], [uri + ".a.x.y"], "procedure called")
    await refused(a.call(uri + ".b"), "wamp.error.no_such_procedure", "call beside it")


async def wildcard_registration(a, b, uri):
    await b.register(uri + "..end", "procedure", match="wildcard")
    same((await a.call(uri + ".x.end"))["args"], [uri + ".x.end"], "procedure called")
    await refused(a.call(uri + ".x.other"), "wamp.error.no_such_procedure", "call beside it")


async def exact_beats_pattern(a, b, uri):
    await b.register(uri, "echo", match="prefix")
    await a.register(uri + ".x", "name")
    same((await b.call(uri + ".x", ["echo"]))["args"], [a.name], "who answered")


async def shared_registration(a, b, uri):
    await a.register(uri, "name", invoke="roundrobin")
    await b.register(uri, "name", invoke="roundrobin")
    heard = [(await a.call(uri))["args"][0] for _ in range(6)]
    same(sorted(heard), sorted([a.name, b.name] * 3), "who answered")
    same(heard[:2] * 3, heard, "in turn")


async def publisher_is_excluded(a, _, uri):
    own, later = await a.subscribe(uri), await a.subscribe(uri + ".later")
    await a.publish(uri, [1])
    if a.client == "wampy":
        raise Skipped("wampy can't send exclude_me: false")
    await a.publish(uri + ".later", [2], exclude_me=False)
    same((await a.hear(later))["args"], [2], "own event")
    same(a.heard_more(own), 0, "events that should have been excluded")


async def publisher_is_excluded_seen_by_another(a, b, uri):
    own, other = await a.subscribe(uri), await b.subscribe(uri)
    back = await a.subscribe(uri + ".back")
    await a.publish(uri, [1])
    same((await b.hear(other))["args"], [1], "other's event")
    await b.publish(uri + ".back", [2])
    same((await a.hear(back))["args"], [2], "sentinel")
    same(a.heard_more(own), 0, "own events")


async def exclude_and_eligible(a, b, uri):
    handle = await b.subscribe(uri)
    await a.publish(uri, [1], exclude=[b.session])
    await a.publish(uri, [2], eligible=[a.session])
    await a.publish(uri, [3], eligible=[b.session])
    same((await b.hear(handle))["args"], [3], "event")
    same(b.heard_more(handle), 0, "more events")


async def publish_is_acknowledged(a, b, uri):
    handle = await b.subscribe(uri)
    same(await a.publish(uri, [1]), {"acknowledged": True}, "publish")
    if a.client == "wampy":
        raise Skipped("wampy acknowledges always")
    same(await a.publish(uri, [2], acknowledge=False), {"acknowledged": False}, "publish")
    same([(await b.hear(handle))["args"] for _ in range(2)], [[1], [2]], "events")


async def order_across_topics(a, b, uri):
    handles = [await b.subscribe(f"{uri}.t{i}") for i in range(3)]
    for number in range(60):
        await a.publish(f"{uri}.t{number % 3}", [number], acknowledge=False)
    for number in range(60):
        same((await b.hear(handles[number % 3]))["args"], [number], "event")


async def progressive_results(a, b, uri):
    await b.register(uri, "progress")
    handle = a.handle()
    result = await a.call(uri, handle=handle, receive_progress=True)
    same(result["args"], ["end"], "result")
    same([(await a.hear(handle))["args"] for _ in range(3)], [[0], [1], [2]], "progress")


# What a router must announce for a scenario to be run, by the client's role that it is for.
FEATURES = {
    prefix_subscription: ("subscriber", "pattern_based_subscription"),
    wildcard_subscription: ("subscriber", "pattern_based_subscription"),
    prefix_registration: ("callee", "pattern_based_registration"),
    wildcard_registration: ("callee", "pattern_based_registration"),
    exact_beats_pattern: ("callee", "pattern_based_registration"),
    shared_registration: ("callee", "shared_registration"),
    publisher_is_excluded: ("publisher", "publisher_exclusion"),
    exclude_and_eligible: ("publisher", "subscriber_blackwhite_listing"),
    progressive_results: ("callee", "progressive_call_results"),
}

SCENARIOS = [crash_is_an_error, no_such_procedure, procedure_already_exists, unregistered_is_gone,
             unsubscribed_hears_nothing, prefix_subscription, wildcard_subscription,
             prefix_registration, wildcard_registration, exact_beats_pattern, shared_registration,
             publisher_is_excluded, publisher_is_excluded_seen_by_another, exclude_and_eligible,
             publish_is_acknowledged, order_across_topics, progressive_results]


async def clean_close(a, b, uri):
    """Last, for b is gone afterwards."""
    await b.register(uri)
    left = await b.leave()
    same(left["clean"], True, "closed cleanly")
    if left["reason"] not in ("wamp.close.goodbye_and_out", "wamp.close.normal"):
        raise AssertionError(f"GOODBYE was answered with {left['reason']}")
    await refused(a.call(uri), "wamp.error.no_such_procedure", "the procedure of one who left")


# ---- the run


class Run:
    def __init__(self, arguments):
        self.arguments = arguments
        self.passed = self.failed = self.skipped = 0
        self.uris = itertools.count(1)
        self.silences = {}
        self.announced = {}

    async def scenario(self, name, does, *persons_and_more):
        if self.arguments.only and self.arguments.only not in name:
            return
        place = name.split(":")[0]
        if self.silences.get(place, 0) == SILENCES_MAX:
            self.failed += 1
            print(f"FAIL {name}: given up")
            return
        persons, more = persons_and_more[:2], persons_and_more[2:]
        try:
            role, feature = FEATURES.get(does, (None, None))
            if role and not self.announced.get(role, {}).get(feature):
                raise Skipped(f"the router does not announce {feature}")
            await does(*persons, f"com.clos.interop.n{next(self.uris)}", *more)
        except Skipped as why:
            self.skipped += 1
            print(f"skip {name}: {why}")
        except Exception as error:
            self.failed += 1
            silent = isinstance(error, asyncio.TimeoutError)
            self.silences[place] = self.silences.get(place, 0) + 1 if silent else 0
            why = f"{type(error).__name__} {error}" if str(error) else type(error).__name__
            print(f"FAIL {name}: {why}")
        else:
            self.passed += 1
            self.silences[place] = 0
            print(f"ok   {name}")
        sys.stdout.flush()

    def places(self):
        """(client, serializer, what transport, url) of every way in."""
        given = self.arguments
        for serializer in ("json", "msgpack", "cbor"):
            for client in ("autobahn-js", "wampy", "autobahn-python"):
                yield client, serializer, "ws", given.ws
            if given.rs:
                yield "autobahn-python", serializer, "rs", given.rs
        if given.rs:
            yield "autobahn-js", "json", "rs", given.rs
        if given.unix_ws:
            for client in ("autobahn-js", "wampy", "autobahn-python"):
                yield client, "json", "ws+unix", f"ws://unix:{given.unix_ws}"
            yield "autobahn-python", "cbor", "ws+unix", f"ws://unix:{given.unix_ws}"
        if given.unix_rs:
            yield "autobahn-js", "json", "rs+unix", f"rs://unix:{given.unix_rs}"
            yield "autobahn-python", "msgpack", "rs+unix", f"rs://unix:{given.unix_rs}"

    async def join(self, agents, place):
        client, serializer, _, url = place
        person = Person(agents[client], client, serializer, url, self.arguments.realm)
        joined = await person.join()
        self.announced = joined.get("features", self.announced)
        return person

    async def same_client(self, agents, place):
        title = " ".join(place[:3])
        try:
            a, b = [await self.join(agents, place) for _ in range(2)]
        except Exception as error:
            self.failed += 1
            print(f"FAIL {title}: can't join: {type(error).__name__} {error}")
            return None
        for payload in PAYLOADS:
            await self.scenario(f"{title}: {payload} payload", all_ways, a, b, payload)
        for does in SCENARIOS:
            await self.scenario(f"{title}: {does.__name__.replace('_', ' ')}", does, a, b)
        await self.scenario(f"{title}: clean close", clean_close, a, b)
        return (title, a) if self.silences.get(title, 0) < SILENCES_MAX else None

    async def mixed(self, persons):
        for (from_title, a), (to_title, b) in itertools.permutations(persons, 2):
            for payload in ("plain", "unicode", "numbers", "octets", "nested"):
                await self.scenario(f"{from_title} -> {to_title}: {payload} payload", all_ways,
                                    a, b, payload)

    async def run(self):
        modules = {"NODE_PATH": self.arguments.modules, "NODE_NO_WARNINGS": "1"}
        agent_js = os.path.join(HERE, "agent.js")
        agents = {
            "autobahn-js": Agent(["node", agent_js, "autobahn"], modules),
            "wampy": Agent(["node", agent_js, "wampy"], modules),
            "autobahn-python": Agent(["/usr/bin/python3", os.path.join(HERE, "agent.py")], {}),
        }
        with open(self.arguments.noise, "wb") as noise:
            for agent in agents.values():
                await agent.start(noise)
        persons = [await self.same_client(agents, place) for place in self.places()]
        await self.mixed([x for x in persons if x and x[0].split()[2] in ("ws", "rs")])
        for agent in agents.values():
            await agent.stop()
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        return 1 if self.failed else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ws", required=True)
    for name in ("--rs", "--unix-ws", "--unix-rs", "--only"):
        parser.add_argument(name)
    parser.add_argument("--noise", default=os.devnull, help="what the clients print goes here")
    parser.add_argument("--realm", default="realm1")
    parser.add_argument("--modules", default=os.path.join(
        os.environ.get("CLOS_CACHE", os.path.expanduser("~/.cache/clos")), "interop/node_modules"))
    sys.exit(asyncio.run(Run(parser.parse_args()).run()))


if __name__ == "__main__":
    main()
