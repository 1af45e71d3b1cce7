#!/usr/bin/env python3
"""Writes the first inputs of the fuzzers that speak WAMP: tests/fuzz/corpus_make.py FOLDER

FOLDER/message, FOLDER/session and FOLDER/router are what fuzz_message, fuzz_session and fuzz_router
are started with. They are made here, and not kept, since they are programs in octets.
"""
import json
import os
import random
import struct
import sys

MESSAGES = [
    '[1,"realm1",{"roles":{"publisher":{"features":{"x":true}},"callee":{}},"authid":"j\\u00f6",'
    '"agent":"a","authmethods":["anonymous"],"authextra":{"a":[1]},"transport":{}}]',
    '[3,{"message":"no"},"wamp.error.x",[],{}]',
    '[5,"signature",{}]',
    '[6,{"message":"bye","resumable":false},"wamp.close.normal"]',
    '[8,68,1,{"ppt_scheme":"x"},"com.error",[1,-1,1.5],{"a":null}]',
    '[16,1,{"acknowledge":true,"exclude_me":false,"exclude":[1],"eligible_authid":["a"],'
    '"forward_for":[{"a":1}],"retain":true,"x":{"y":[]}},"com.topic",[1,"\\u0041"],{"k":true}]',
    '[32,2,{"match":"prefix","get_retained":true},"com."]',
    '[34,3,9007199254740992]',
    '[48,4,{"timeout":100,"receive_progress":false,"runmode":"x"},"com.proc",[[[[[]]]]]]',
    '[49,5,{"mode":"killnowait"}]',
    '[64,6,{"invoke":"roundrobin","match":"wildcard","concurrency":2},"com..proc"]',
    '[66,7,1]',
    '[70,8,{"progress":false},["\\u0000AAEC"],{"a":{"b":[1.0e3]}}]',
    '[36,1,1,{}]',
    '[16,1,{"a":1,"a":2},"x"]',
    '[16,1,{"acknowledge":null,"retain":null},"x"]',
    '[34,1,9007199254740991.0]',
    '[16,1.0,{},"x"]',
]


def cbor_head(major, size):
    for more, form in ((24, ">B"), (25, ">H"), (26, ">I"), (27, ">Q")):
        if size < 24:
            return bytes([major << 5 | size])
        if size < 1 << 8 * struct.calcsize(form):
            return bytes([major << 5 | more]) + struct.pack(form, size)
    raise ValueError(size)


def cbor(value):
    """null becomes undefined, since that is what options bear."""
    if value is None or isinstance(value, bool):
        return {None: b"\xf7", True: b"\xf5", False: b"\xf4"}[value]
    if isinstance(value, int):
        return cbor_head(0, value) if value >= 0 else cbor_head(1, -1 - value)
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, str):
        return cbor_head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return cbor_head(4, len(value)) + b"".join(map(cbor, value))
    return cbor_head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())


def write(folder, name, octets):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(octets)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: tests/fuzz/corpus_make.py FOLDER")
    chance = random.Random(1)
    for i, message in enumerate(MESSAGES):
        for mode in b"\x00\x04\x05\x06\x0d\x0e":
            write(f"{sys.argv[1]}/message", f"{i}_{mode}", bytes([mode]) + message.encode())
        write(f"{sys.argv[1]}/message", f"{i}_cbor", b"\x02" + cbor(json.loads(message)))
    for i in range(40):
        for kind in ("session", "router"):
            program = bytes(chance.randrange(256) for _ in range(40 + 20 * i))
            write(f"{sys.argv[1]}/{kind}", f"{i}", program)


if __name__ == "__main__":
    main()
