#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks of the JSON that kith prints, read from standard input.

contract.py check NAME     one document of kith.NAME/1, each promised field with its type
contract.py lines NAME     JSON Lines of such documents
contract.py holds EXPR     a Python expression over the document d
contract.py value EXPR     prints one
"""
import json
import re
import sys


def matches(pattern):
    return lambda v: isinstance(v, str) and re.fullmatch(pattern, v) is not None


def either(*values):
    return lambda v: v in values


def null_or(rule):
    return lambda v: v is None or rule(v)


def listing(fields):
    return lambda v: isinstance(v, list) and all(not faults(fields, o) for o in v)


def text(v):
    return isinstance(v, str)


def whole(v):
    return isinstance(v, int) and not isinstance(v, bool) and v >= 0


def time(v):
    return whole(v) and v > 1_700_000_000


def boolean(v):
    return isinstance(v, bool)


def duration(v):
    return whole(v) and v <= 400 * 86400


hexid = matches("[0-9a-f]{32}")
host_port = matches(r"[^ \t]+:[0-9]+")


def words(n):
    return matches("[a-z-]+( [a-z-]+){%d}" % (n - 1))


REQUEST = {
    "request": hexid,
    "kind": either("restore", "confirm", "move"),
    "purpose": text,
    "ward": hexid,
    "label": null_or(text),
    "node": text,
    "state": either("opened", "live", "approved", "contested", "locked", "released",
                    "refused", "expired"),
    "opened_at": time,
    "approved_at": null_or(time),
    "opens_at": null_or(time),
    "expires_at": null_or(time),
    "tries_left": whole,
    "stops": whole,
    "claimed": null_or(text),
}

RESTORE_GUARDIAN = {
    "name": null_or(text),
    "node": host_port,
    "request": null_or(hexid),
    "state": either("opened", "live", "approved", "contested", "locked", "released",
                    "refused", "expired", "unreachable", "unopened"),
    "words": null_or(words(4)),
    "opens_at": null_or(time),
    "verdict": null_or(either("good", "refused", "silent", "bad-piece", "bad-signature",
                              "stale-epoch", "duplicate")),
}

STATUS_GUARDIAN = {
    "name": text,
    "node": text,
    "seat": hexid,
    "kind": text,
    "state": either("ok", "away", "behind", "rolled-back", "missing"),
    "stored_at": null_or(time),
    "confirmed_at": null_or(time),
    "opened_at": null_or(time),
    "seen_at": null_or(time),
}

SCHEMAS = {
    "any": {},
    "error": {"id": matches("[a-z0-9-]+"), "what": text, "why": null_or(text),
              "next": null_or(text), "exit": whole},
    "init": {"name": text, "fingerprint": words(4)},
    "fingerprint": {"fingerprint": words(4)},
    "link": {"link": matches("KITH1:[A-Za-z0-9-]{20,148}|[^ ]+:[0-9]+ [0-9A-Z-]{22}"),
             "type": text,
             "expires_at": time, "ward": null_or(hexid)},
    "sheet": {"name": text, "fingerprint": words(4), "epoch": whole, "need": whole,
              "of": whole, "sheet": null_or(whole),
              "wrapped": matches("KITH-WRAPPED:[A-Z2-7]{207}"), "guardians": listing({
                  "name": text, "reach": null_or(text), "addresses": lambda v: bool(v),
                  "link": null_or(matches("KITH1:[A-Z2-7]{60,148}"))})},
    "revoked": {"guardians": listing({"name": text, "state": either("ok", "away"),
                                      "links": whole, "ends_at": null_or(time)})},
    "ended": {"ward": hexid, "links": whole},
    "wards": {"wards": listing({
        "ward": hexid, "label": null_or(text), "node": text, "epoch": null_or(whole),
        "hold": null_or(duration), "stop_hold": null_or(duration), "confirmed": boolean,
        "requests": lambda v: whole(v) or isinstance(v, list)})},
    "confirm": {"name": text, "request": null_or(hexid), "words": null_or(words(4)),
                "state": text, "confirmed_at": null_or(time)},
    "confirmed": {"request": hexid, "ward": hexid, "answer": words(2)},
    "freeze": {"ward": hexid, "label": null_or(text), "until": time},
    "pause": {"until": null_or(time),
              "nodes": listing({"node": text, "until": null_or(time)})},
    "left": {"ward": hexid, "label": null_or(text), "left_at": time},
    "reset": {"seats": listing({"node": text, "old": hexid, "seat": null_or(hexid)}),
              "lost": listing({"ward": hexid, "label": null_or(text)})},
    "seat-log": {"entries": listing({}), "seats": listing({
        "name": text, "node": text, "state": text, "entries": whole})},
    "requests": {"requests": listing(REQUEST)},
    "request": REQUEST,
    "restore": {
        "state": either("waiting", "unconfirmed", "done", "impossible"),
        "fingerprint": null_or(words(4)), "epoch": null_or(whole), "need": null_or(whole),
        "have": whole, "guardians": listing(RESTORE_GUARDIAN)},
    "status": {
        "circle": hexid, "epoch": whole, "need": whole, "of": whole, "stored": whole,
        "confirmed": whole, "openable": null_or(whole), "spare": whole,
        "restorable": boolean, "level": either("ok", "degraded", "lost"),
        "guardians": listing(STATUS_GUARDIAN), "requests": listing(REQUEST),
        "next": listing({"id": text, "text": text, "command": null_or(text)})},
}


def faults(fields, o):
    """Names of the fields that are missing or of another type; more fields are welcome."""
    if not isinstance(o, dict):
        return ["not an object"]
    absent = ["no " + k for k in fields if k not in o]
    wrong = [f"{k} = {json.dumps(o[k])}" for k, rule in fields.items()
             if k in o and not rule(o[k])]
    return absent + wrong


def deep(fields, o, where=""):
    """As faults(), saying which entry of a list it is."""
    found = []
    for fault in faults(fields, o):
        key = fault.split(" ")[0]
        inner = {"guardians": RESTORE_GUARDIAN if "have" in fields else STATUS_GUARDIAN,
                 "requests": REQUEST}.get(key)
        entries = o.get(key) if isinstance(o, dict) else None
        if inner and isinstance(entries, list):
            found += [f"{key}[{i}]: {f}" for i, e in enumerate(entries)
                      for f in faults(inner, e)]
        else:
            found.append(fault)
    return [where + f for f in found]


def check(name, document):
    try:
        o = json.loads(document)
    except ValueError as e:
        return [f"no JSON document: {e}"]
    schema = o.get("schema") if isinstance(o, dict) else None
    wanted = r"kith\.[a-z-]+/1" if name == "any" else re.escape(f"kith.{name}/1")
    if not isinstance(schema, str) or not re.fullmatch(wanted, schema):
        return [f"schema is {schema!r}, not kith.{name}/1"]
    return deep(SCHEMAS[name], o)


def main():
    verb, argument = sys.argv[1:3]
    data = sys.stdin.read()
    if verb in ("check", "lines"):
        documents = [data] if verb == "check" else data.splitlines()
        found = [f for d in documents for f in check(argument, d)]
        if not documents:
            found = ["nothing printed"]
        if found:
            print(f"kith.{argument}/1: " + "; ".join(found))
        return 1 if found else 0
    try:
        answer = eval(argument, {"d": json.loads(data)})  # the tests' own expressions
    except Exception as e:  # a missing field is a finding, not a crash
        print(f"{type(e).__name__}: {e}", file=sys.stderr)
        return 1
    if verb == "value":
        print(answer)
        return 0
    return 0 if answer else 1


sys.exit(main())
