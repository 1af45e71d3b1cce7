#!/usr/bin/python3
"""A person's hands on an unmodified Autobahn|Python: obeys one JSON command a line on standard
input, answers one JSON object a line. interop.py knows the commands; agent.js is the same for
JavaScript."""
import asyncio
import base64
import json
import sys

from twisted.internet import asyncioreactor
asyncioreactor.install(asyncio.new_event_loop())  # before anything else of Twisted

import txaio
txaio.use_twisted()

from autobahn.twisted.rawsocket import WampRawSocketClientFactory
from autobahn.twisted.wamp import ApplicationSession
from autobahn.twisted.websocket import WampWebSocketClientFactory
from autobahn.wamp import serializer as serializers
from autobahn.wamp import types
from autobahn.wamp.exception import ApplicationError
from autobahn.websocket.compress import (PerMessageDeflateOffer, PerMessageDeflateResponse,
                                         PerMessageDeflateResponseAccept)
from twisted.internet import defer, reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, UNIXClientEndpoint

LINE_BYTES_MAX = 64 * 1024 * 1024
SERIALIZERS = {"json": serializers.JsonSerializer, "msgpack": serializers.MsgPackSerializer,
               "cbor": serializers.CBORSerializer}


def decode(value):
    if isinstance(value, list):
        return [decode(x) for x in value]
    if isinstance(value, dict):
        if "$bin" in value:
            return base64.b64decode(value["$bin"])
        return {k: decode(v) for k, v in value.items()}
    return value


def encode(value):
    if isinstance(value, (bytes, bytearray)):
        return {"$bin": base64.b64encode(value).decode()}
    if isinstance(value, (list, tuple)):
        return [encode(x) for x in value]
    if isinstance(value, dict):
        return {k: encode(v) for k, v in value.items()}
    return value


def say(what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


class Session(ApplicationSession):
    def __init__(self, config, joined, left):
        ApplicationSession.__init__(self, config)
        self.joined = joined
        self.left = left
        self.reason = "transport lost"

    def onConnect(self):
        self.join(self.config.realm)

    def onJoin(self, details):
        self.joined.callback(details.session)

    def onLeave(self, details):
        self.reason = details.reason
        if not self.joined.called:
            self.joined.errback(RuntimeError(details.reason))
        self.disconnect()

    def onDisconnect(self):
        if not self.joined.called:
            self.joined.errback(RuntimeError("no handshake"))
        if not self.left.called:
            self.left.callback(self.reason)

    def onUserError(self, fail, msg):
        print("user error", msg, fail, file=sys.stderr)


def compression_accept(response):
    if isinstance(response, PerMessageDeflateResponse):
        return PerMessageDeflateResponseAccept(response)
    return None


class Person:
    def __init__(self, name):
        self.name = name
        self.kept = {}
        self.session = None

    async def join(self, command):
        joined, left = defer.Deferred(), defer.Deferred()
        made = SERIALIZERS[command["serializer"]]()
        url = command["url"]

        def make():
            self.session = Session(types.ComponentConfig(command["realm"]), joined, left)
            return self.session

        if url.startswith("rs:"):
            factory = WampRawSocketClientFactory(make, serializer=made)
        else:
            at = "ws://localhost/ws" if "unix:" in url else url
            factory = WampWebSocketClientFactory(make, url=at, serializers=[made])
            factory.setProtocolOptions(perMessageCompressionOffers=[PerMessageDeflateOffer()],
                                       perMessageCompressionAccept=compression_accept)
        place = url.split("://")[1]
        if place.startswith("unix:"):
            endpoint = UNIXClientEndpoint(reactor, place[len("unix:"):])
        else:
            host, port = place.split("/")[0].split(":")
            endpoint = TCP4ClientEndpoint(reactor, host, int(port))
        await endpoint.connect(factory)
        return {"session": await joined}

    async def leave(self, _):
        self.session.leave()
        reason = await self.session.left
        return {"reason": reason, "clean": reason != "transport lost"}

    async def subscribe(self, command):
        def hear(*args, details=None, **kwargs):
            say({"event": command["handle"], "person": self.name, "topic": details.topic,
                 "args": encode(args), "kwargs": encode(kwargs)})

        options = types.SubscribeOptions(details=True, **command.get("options", {}))
        self.kept[command["handle"]] = await self.session.subscribe(hear, command["topic"], options)

    async def unsubscribe(self, command):
        await self.kept[command["handle"]].unsubscribe()

    async def publish(self, command):
        options = types.PublishOptions(**command.get("options", {}))
        done = self.session.publish(command["topic"], *command["args"], options=options,
                                    **command["kwargs"])
        return {"acknowledged": bool(done is not None and (await done).id)}

    async def register(self, command):
        def crash(*_, **__):
            raise RuntimeError("out of order")

        def fail(*args, details=None, **kwargs):
            raise ApplicationError("com.clos.error.test", *args, **kwargs)

        def echo(*args, details=None, **kwargs):
            return types.CallResult(*args, **kwargs)

        def name(*_, **__):
            return self.name

        def procedure(*_, details=None, **__):
            return details.procedure

        def progress(*_, details=None, **__):
            for x in range(3):
                details.progress(x)
            return "end"

        does = {f.__name__: f for f in (crash, fail, echo, name, procedure, progress)}
        options = types.RegisterOptions(details=True, **command.get("options", {}))
        self.kept[command["handle"]] = await self.session.register(
            does[command["behaviour"]], command["procedure"], options)

    async def unregister(self, command):
        await self.kept[command["handle"]].unregister()

    async def call(self, command):
        options = command.get("options", {})
        if options.pop("receive_progress", False):
            # with details it fails on progress that has no keywords
            got = await self.session.call(command["procedure"], options=types.CallOptions(
                on_progress=lambda x: say({"event": command["handle"], "args": [x], "kwargs": {},
                                           "person": self.name})))
            return {"args": [encode(got)], "kwargs": {}}
        got = await self.session.call(command["procedure"], *command["args"],
                                      options=types.CallOptions(details=True, **options),
                                      **command["kwargs"])
        return {"args": encode(got.results or []), "kwargs": encode(got.kwresults or {})}


async def obey(people, command):
    person = command["person"]
    if command["op"] == "join":
        people[person] = Person(person)
    for name in ("args", "kwargs"):
        if name in command:
            command[name] = decode(command[name])
    try:
        done = await getattr(people[person], command["op"])(command)
        say({"id": command["id"], "ok": done or {}})
    except ApplicationError as error:
        say({"id": command["id"], "error": error.error, "args": encode(error.args),
             "kwargs": encode(error.kwargs)})
    except Exception as error:
        say({"id": command["id"], "error": f"{type(error).__name__}: {error}", "args": [],
             "kwargs": {}})


async def main(loop):
    reader = asyncio.StreamReader(limit=LINE_BYTES_MAX)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    people = {}
    while line := await reader.readline():
        defer.ensureDeferred(obey(people, json.loads(line)))
    reactor.stop()


loop = reactor._asyncioEventloop
task = loop.create_task(main(loop))
reactor.run()
