#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Computes crypt.json, ident.json, words.json, piece.json, drop.json, derive.json and vault.json
from docs/PROTOCOL.md alone, without Kith's code.

    make.py          writes the files beside this script
    make.py --check  exits 1 when a file differs from what is computed

Needs Argon2id from the Python package cryptography (44 or later).
"""
import base64
import hashlib
import hmac
import ipaddress
import json
import pathlib
import struct
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

HERE = pathlib.Path(__file__).resolve().parent
SHIPPED = (64 * 1024 * 1024, 3)
MINIMUM = (8192, 1)


def blake(label, *parts, size=32, key=b""):
    """BLAKE2b over label, a zero byte, the parts."""
    data = label.encode() + b"\0" + b"".join(parts)
    return hashlib.blake2b(data, digest_size=size, key=key).digest()


def level(root, number, ctx, size=32):
    """libsodium's crypto_kdf_derive_from_key."""
    return hashlib.blake2b(
        b"", digest_size=size, key=root, salt=number.to_bytes(8, "little").ljust(16, b"\0"),
        person=ctx.ljust(16, b"\0")).digest()


def made_up(name, size):
    return hashlib.blake2b(name.encode(), digest_size=size).digest()


def u32(v):
    return v.to_bytes(4, "big")


# ---- crypt ----

def hchacha20(key, nonce):
    """draft-irtf-cfrg-xchacha section 2.2."""
    x = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce))

    def quarter(a, b, c, d):
        for i, j, k, r in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[i] = (x[i] + x[j]) & 0xffffffff
            x[k] ^= x[i]
            x[k] = (x[k] << r | x[k] >> (32 - r)) & 0xffffffff

    for _ in range(10):
        for q in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                  (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            quarter(*q)
    return struct.pack("<8I", *x[:4], *x[12:])


def xchacha(key, nonce, label, ad, plain):
    sub = ChaCha20Poly1305(hchacha20(key, nonce[:16]))
    return sub.encrypt(bytes(4) + nonce[16:], plain, blake(label, ad))


def seal_record(n, label, ad, plain):
    key, nonce = made_up(f"seal key {n}", 32), made_up(f"seal nonce {n}", 24)
    return {"key": key.hex(), "label": label, "ad": ad.hex(), "plain": plain.hex(),
            "sealed": (nonce + xchacha(key, nonce, label, ad, plain)).hex()}


def box_record(n, label, ad, plain):
    to = X25519PrivateKey.from_private_bytes(made_up(f"box to {n}", 32))
    eph = X25519PrivateKey.from_private_bytes(made_up(f"box ephemeral {n}", 32))
    to_pub, eph_pub = (k.public_key().public_bytes_raw() for k in (to, eph))
    shared = eph.exchange(X25519PublicKey.from_public_bytes(to_pub))
    key = blake(label, eph_pub, to_pub, key=shared)
    return {"key": to.private_bytes_raw().hex(), "pub": to_pub.hex(),
            "ephemeral": eph.private_bytes_raw().hex(), "label": label, "ad": ad.hex(),
            "plain": plain.hex(),
            "sealed": (eph_pub + xchacha(key, bytes(24), label, ad, plain)).hex()}


def sign_record(n, label, msg):
    seed = Ed25519PrivateKey.from_private_bytes(made_up(f"seed {n}", 32))
    return {"seed": seed.private_bytes_raw().hex(), "label": label, "msg": msg.hex(),
            "pub": seed.public_key().public_bytes_raw().hex(),
            "sig": seed.sign(blake(label, msg)).hex()}


def hmac_record(key, msg):
    return {"key": key.hex(), "msg": msg.hex(),
            "mac": hmac.new(key, msg, hashlib.blake2b).digest().hex()}


def crypt():
    root, key, msg = made_up("root", 32), made_up("key", 32), made_up("msg", 64) * 5
    return {
        "about": "The constructions every other one is made of; see docs/PROTOCOL.md.",
        "hash": [{"label": "kith seat id", "parts": [p.hex() for p in parts],
                  "out": blake("kith seat id", *parts, size=size).hex()}
                 for parts in ([], [b""], [b"a", b"bc"], [msg, msg[:7]])
                 for size in (10, 16, 32, 64)],
        "keyed": [{"key": key.hex(), "label": "kith kek", "parts": [p.hex() for p in parts],
                   "out": blake("kith kek", *parts, size=size, key=key).hex()}
                  for parts in ([], [b"a", b"bc"], [msg]) for size in (16, 32)],
        "level": [{"root": root.hex(), "id": i, "ctx": c,
                   "out": level(root, i, c.encode(), 64 if i == 1 else 32).hex()}
                  for i, c in enumerate(("kithiden", "kithvalt", "kithtags", "kithslog",
                                         "kithsign", "kithacct", "kithguar", "kithrest",
                                         "kithderi"), 1)],
        "sign": [sign_record(1, "kith manifest", b""), sign_record(2, "kith view", msg)],
        "seal": [seal_record(1, "kith home day", b"", b""),
                 seal_record(2, "kith roster seal", msg, msg)],
        "box": [box_record(1, "kith box piece", b"", b""),
                box_record(2, "kith box release", msg, msg)],
        "hmac_blake2b": [hmac_record(b"", b""), hmac_record(b"k", msg),
                         hmac_record(made_up("64", 64), b"abc"), hmac_record(bytes(128), msg)],
    }


# ---- ident ----

def key_record(n, generation, number):
    root, node = made_up(f"root {n}", 32), made_up(f"node {n}", 32)
    fp, invite = made_up(f"fp {n}", 10), made_up(f"invite {n}", 16)
    seat = blake("kith seat id", node, fp, size=16)
    owner, account = level(root, 5, b"kithsign"), level(root, 6, b"kithacct")
    guardian, restore = level(root, 7, b"kithguar"), level(root, 8, b"kithrest")
    at = node + seat + u32(generation)
    out = {
        "root": root, "node_key": node, "guardian_fp": fp, "seat": seat,
        "invite_id": invite, "generation": generation, "number": number,
        "owner_sign": blake("kith owner sign", key=owner),
        "account_static": blake("kith account static", at, key=account),
        "account_sign": blake("kith account sign", at, key=account),
        "account_psk": blake("kith account psk", at, key=account),
        "guardian_sign": blake("kith guardian sign", key=guardian),
        "guardian_seal": blake("kith guardian seal", key=guardian),
        "guardian_static": blake("kith guardian static", node, seat, key=guardian),
        "guardian_psk": blake("kith guardian psk", node, seat, key=guardian),
        "approval": blake("kith approval key", seat, invite, key=guardian),
        "restore_roster": blake("kith restore roster", at, u32(number), key=restore),
        "restore_sheet": blake("kith restore sheet", at, u32(number), key=restore),
        "identity_seed": level(root, 1, b"kithiden", 64),
    }
    return {k: v.hex() if isinstance(v, bytes) else v for k, v in out.items()}


def credential(token):
    return {"token": token.hex(), "id": blake("kith token id", token, size=16).hex(),
            "psk": blake("kith token psk", token).hex()}


def fingerprint(n):
    sign, seal = made_up(f"sign {n}", 32), made_up(f"seal {n}", 32)
    return {"sign_pub": sign.hex(), "seal_pub": seal.hex(),
            "fp": blake("kith guardian fingerprint", sign, seal, size=10).hex()}


def address(host, port):
    """The encoded form and the one text of an address."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        name = host.lower()
        return bytes([4]) + port.to_bytes(2, "big") + name.encode(), f"{name}:{port}"
    text = f"{ip}:{port}" if ip.version == 4 else f"[{ip}]:{port}"
    return bytes([1 if ip.version == 4 else 2]) + ip.packed + port.to_bytes(2, "big"), text


def base32(raw):
    return base64.b32encode(raw).decode().rstrip("=")


def raw_link(body):
    return body + blake("kith link", body, size=16)[:4]


def link_body(kind, n, where, fp=None):
    if fp is None:
        fp = made_up(f"fp {n}", 10) if kind in (1, 2) else bytes(10)
    return bytes([kind]) + made_up(f"node {n}", 32) + made_up(f"token {n}", 16) + fp + where


def link_record(kind, n, host, port):
    where, text = address(host, port)
    body = link_body(kind, n, where)
    return {"type": kind, "node_key": body[1:33].hex(), "token": body[33:49].hex(),
            "fp": body[49:59].hex(), "address": text, "link": "KITH1:" + base32(raw_link(body))}


def bad_links():
    where = address("192.0.2.7", 7844)[0]
    good = base32(raw_link(link_body(1, 1, where)))
    wrong = lambda i: good[:i] + ("A" if good[i] != "A" else "B") + good[i + 1:]
    sealed = lambda body: "KITH1:" + base32(raw_link(body))
    rows = [
        ("ERR_FORMAT", "", "empty"), ("ERR_FORMAT", "KITH", "head alone"),
        ("ERR_FORMAT", "KITH0:" + good, "no such head"),
        ("ERR_FORMAT", "https://example.org/" + good, "not a link"),
        ("ERR_FORMAT", good, "head missing"),
        ("ERR_VERSION", "KITH2:" + good, "a later form"),
        ("ERR_VERSION", sealed(link_body(5, 1, where, bytes(10))), "type 5"),
        ("ERR_VERSION", sealed(link_body(0, 1, where, bytes(10))), "type 0"),
        ("ERR_VERSION", sealed(link_body(1, 1, b"\x03" + bytes(34))), "onion, reserved"),
        ("ERR_VERSION", sealed(link_body(1, 1, b"\x05" + bytes(6))), "address kind 5"),
        ("ERR_CHECKSUM", "KITH1:", "nothing after the head"),
        ("ERR_CHECKSUM", "KITH1:" + wrong(0), "first character"),
        ("ERR_CHECKSUM", "KITH1:" + wrong(50), "a character of the node key"),
        ("ERR_CHECKSUM", "KITH1:" + wrong(len(good) - 2), "a character of the checksum"),
        ("ERR_CHECKSUM", "KITH1:" + good[:-1], "last character missing"),
        ("ERR_CHECKSUM", "KITH1:" + good[:-8], "five bytes missing"),
        ("ERR_CHECKSUM", "KITH1:" + good + good, "twice"),
        ("ERR_CHECKSUM", "KITH1:" + good + "=", "padding"),
        ("ERR_CHECKSUM", "KITH1:" + good[:20] + "0" + good[21:], "a digit base32 lacks"),
        ("ERR_CHECKSUM", "KITH1:" + good[:20] + "-" + good[20:], "a hyphen"),
        ("ERR_FORMAT", sealed(link_body(1, 1, where, bytes(10))), "invite without guardian"),
        ("ERR_FORMAT", sealed(link_body(4, 1, where, b"\1" * 10)), "operator with guardian"),
        ("ERR_FORMAT", sealed(link_body(1, 1, b"\x01\x7f\0\0\x01\0\0")), "port 0"),
        ("ERR_FORMAT", sealed(link_body(1, 1, where + b"\0")), "address too long"),
        ("ERR_FORMAT", sealed(link_body(1, 1, where[:-1])), "address too short"),
        ("ERR_FORMAT", sealed(link_body(1, 1, b"\x04\x1e\xa4Ben.example")), "upper-case name"),
        ("ERR_FORMAT", sealed(link_body(1, 1, b"\x04\x1e\xa4" + b"a" * 64)), "label of 64"),
        ("ERR_FORMAT", sealed(link_body(1, 1, b"\x04\x1e\xa4")), "no name"),
        ("ERR_FORMAT", sealed(link_body(
            1, 1, b"\x02" + bytes(10) + b"\xff\xff\x01\x02\x03\x04\x1e\xa4")), "IPv4 as IPv6"),
    ]
    # 82 bytes end inside a character: what is left of it must be zero.
    six = sealed(link_body(1, 1, address("2001:db8::7", 7844)[0]))
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    rows.append(("ERR_CHECKSUM", six[:-1] + digits[digits.index(six[-1]) | 1], "bits after the end"))
    rows.append(("ERR_CHECKSUM", six + "A", "a character after the end"))
    return [{"error": e, "link": l, "why": w} for e, l, w in rows]


HOSTS = [
    ("1.2.3.4", 7844), ("0.0.0.0", 1), ("255.255.255.255", 65535), ("::", 7844), ("::1", 7844),
    ("2001:db8::1", 443), ("2001:db8:0:0:1:0:0:1", 443), ("1:0:0:2:0:0:0:3", 5),
    ("1:2:3:4:5:6:7:8", 9), ("0:1:0:1:0:1:0:1", 9), ("1:2:3:4:5:6:7:0", 9), ("fe80::", 80),
    ("0:0:0:0:0:1:0:0", 80), ("abcd:ef01:2345:6789:abcd:ef01:2345:6789", 65535),
    ("ben.example", 7844), ("Ben.Example", 7844), ("localhost", 7844), ("a", 1),
    ("xn--bcher-kva.example", 7844), ("4you.example", 10), ("a-1.b--2.org", 99),
    ("a" * 63 + "." + "b" * 63 + "." + "c" * 63 + "." + "d" * 61, 65535),
]

BAD_ADDRESSES = [
    "", ":", ":7844", "ben.example", "ben.example:", "ben.example:65536", "ben.example:07844",
    "ben.example:+1", "ben.example:1 ", " ben.example:1", "ben..example:1", ".example:1",
    "ben.example.:1", "-ben.example:1", "ben-.example:1", "b_en.example:1", "ben example:1",
    "b\u00fccher.example:1", "a" * 64 + ".example:1",
    "a" * 63 + "." + "b" * 63 + "." + "c" * 63 + "." + "d" * 62 + ":1",
    "1.2.3:1", "1.2.3.4.5:1", "1.2.3.256:1",
    "01.2.3.4:1", "1.2.3.4.:1", "0x7f.1:1", "300:1", "ben.4you:1", "::1:7844", "[::1]", "[]:1",
    "[:]:1", "[:::]:1", "[1::2::3]:1", "[1:2:3:4:5:6:7]:1", "[1:2:3:4:5:6:7:8:9]:1",
    "[1:2:3:4:5:6:7::8]:1", "[::1:2:3:4:5:6:7:8]:1", "[12345::]:1", "[::g]:1", "[1:2:3:4:5:6:7:]:1",
    "[:1:2:3:4:5:6:7]:1", "[::1%eth0]:1", "[::ffff:1.2.3.4]:1", "[::ffff:102:304]:1",
    "[1.2.3.4]:1", "[::1:1", "::1]:1",
]


def ident():
    good = [{"in": (f"[{h}]:{p}" if ":" in h else f"{h}:{p}"), "text": address(h, p)[1],
             "encoded": address(h, p)[0].hex()} for h, p in HOSTS]
    good.append({"in": "[2001:DB8:0000::0001]:443", "text": "[2001:db8::1]:443",
                 "encoded": address("2001:db8::1", 443)[0].hex()})
    return {
        "about": "Keys, ids, addresses, links, spoken codes; section by section in docs/PROTOCOL.md.",
        "keys": [key_record(1, 0, 1), key_record(2, 1, 0), key_record(3, 0xffffffff, 0x01020304)],
        "fingerprints": [fingerprint(1), fingerprint(2)],
        "credentials": [credential(made_up("token 1", 16)), credential(made_up("standing", 32))],
        "addresses": good,
        "bad_addresses": [{"in": a, "error": "ERR_FORMAT"} for a in BAD_ADDRESSES] +
                         [{"in": "abc.onion:80", "error": "ERR_ARG"},
                          {"in": "ABC.Onion:80", "error": "ERR_ARG"}],
        "links": [link_record(1, 1, "192.0.2.7", 7844), link_record(2, 2, "2001:db8::7", 7844),
                  link_record(3, 3, "ben.example", 7844), link_record(4, 4, "127.0.0.1", 40001),
                  link_record(1, 5, "a" * 26, 7844), link_record(2, 6, *HOSTS[-1])],
        "bad_links": bad_links(),
        "spoken": [spoken_record(1, MINIMUM), spoken_record(2, SHIPPED),
                   spoken_record(3, MINIMUM, bytes(10)), spoken_record(4, MINIMUM, b"\xff" * 10)],
        "spoken_same": spoken_same(),
        "bad_spoken": bad_spoken(),
    }


# ---- spoken codes ----

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

# GF(32) by logarithms: powers of x modulo x^5 + x^2 + 1.
POWERS = [1]
for _ in range(30):
    v = POWERS[-1] << 1
    POWERS.append(v ^ 37 if v > 31 else v)


def times(a, b):
    if 0 in (a, b):
        return 0
    return POWERS[(POWERS.index(a) + POWERS.index(b)) % 31]


def at_power(values, power):
    """The word, first letter its highest coefficient, at x^power."""
    out = 0
    for v in values:
        out = times(out, POWERS[power]) ^ v
    return out


def letters_of(code):
    """The only two check letters that make x and x^2 zeros of the word."""
    bits = int.from_bytes(code, "big")
    data = [bits >> 5 * (15 - i) & 31 for i in range(16)]
    for a in range(32):
        for b in range(32):
            word = data + [a, b]
            if at_power(word, 1) == 0 and at_power(word, 2) == 0:
                return word
    raise AssertionError


def spoken_text(code):
    text = "".join(LETTERS[v] for v in letters_of(code))
    return "-".join(text[i:i + 4] for i in range(0, 18, 4))


def argon(secret, salt, cost, size=16):
    mem, passes = cost
    return Argon2id(salt=salt, length=size, iterations=passes, lanes=1,
                    memory_cost=mem // 1024).derive(secret)


def spoken_record(n, cost, code=None):
    code = made_up(f"code {n}", 10) if code is None else code
    s = argon(code, blake("kith spoken salt", size=16), cost, 32)
    ident_, gate = blake("kith spoken id", key=s, size=16), blake("kith spoken gate", key=s)
    answer = blake("kith spoken answer", key=s)
    head = b"KITH\x01\x01\0\0"
    hello = head + blake("kith spoken hello", head, ident_, key=gate, size=16) + ident_ + bytes(49)
    node, token = made_up(f"node {n}", 32), made_up(f"token {n}", 16)
    fp, nonce = made_up(f"fp {n}", 10), made_up(f"spoken nonce {n}", 24)
    plain_ = b"\x01" + node + token + fp
    return {"code": code.hex(), "text": spoken_text(code), "mem": cost[0], "passes": cost[1],
            "id": ident_.hex(), "gate": gate.hex(), "answer": answer.hex(), "hello": hello.hex(),
            "node_key": node.hex(), "token": token.hex(), "fp": fp.hex(), "nonce": nonce.hex(),
            "sealed": (nonce + xchacha(answer, nonce, "kith spoken seal", ident_, plain_)).hex()}


def spoken_same():
    """Texts that are one code, however they are written."""
    text = spoken_text(bytes.fromhex("00443214c74254b635cf"))
    assert "0" in text and "1" in text
    ways = [text, text.lower(), text.replace("-", ""), text.replace("-", " "),
            "  " + "\t".join(text.replace("-", "")) + "\r\n", "--" + text + "-",
            text.replace("0", "O"), text.replace("0", "o"), text.replace("1", "I"),
            text.replace("1", "l"), text.lower().replace("1", "i").replace("0", "o")]
    return {"code": "00443214c74254b635cf", "texts": ways}


def bad_spoken():
    text = spoken_text(made_up("code 1", 10))
    flat = text.replace("-", "")
    other = "A" if flat[0] != "A" else "B"
    rows = ["", "-", flat[:17], flat + "0", flat[1:], other + flat[1:], flat[1] + flat[0] + flat[2:],
            flat[:17] + ("A" if flat[17] != "A" else "B"), "U" + flat[1:], "*" + flat[1:],
            flat[:8] + "." + flat[8:], flat[:-1] + "\u212a", "0" * 17 + "1"]
    return rows


# ---- words ----

def word_list():
    text = (HERE / "../../proto/words_list.inc").read_text().split("*/")[-1]
    return text.replace('"', " ").replace(",", " ").split()


LIST = word_list()
assert len(LIST) == 1296 and len({w.replace("-", "")[:3] for w in LIST}) == 1296


def words_of(raw, n):
    v = int.from_bytes(raw, "big") % 1296 ** n
    return " ".join(LIST[v // 1296 ** (n - 1 - i) % 1296] for i in range(n))


def call_record(t, nonce, cost):
    out = argon(t, blake("kith call salt", nonce, size=16), cost)
    return {"t": t.hex(), "nonce": nonce.hex(), "mem": cost[0], "passes": cost[1],
            "out": out.hex(), "words": words_of(out[:8], 4), "answer": words_of(out[8:], 2)}


def fingerprint_words(n, cost):
    pub = made_up(f"owner {n}", 32)
    out = argon(pub, blake("kith fingerprint", size=16), cost)
    return {"owner_pub": pub.hex(), "mem": cost[0], "passes": cost[1],
            "words": words_of(out[:8], 4)}


def words():
    raws = [bytes(8), b"\xff" * 8, (1296 ** 4).to_bytes(8, "big"),
            (1296 ** 4 - 1).to_bytes(8, "big"), (1295).to_bytes(8, "big"), made_up("raw", 8)]
    return {
        "about": "Call words, answer words, fingerprint words; see docs/PROTOCOL.md.",
        "list_blake2b_256": hashlib.blake2b("\n".join(LIST).encode(), digest_size=32).hexdigest(),
        "from_bytes": [{"bytes": r.hex(), "n": n, "words": words_of(r, n)}
                       for r in raws for n in (1, 2, 4, 6)],
        "call": [call_record(b"", bytes(32), MINIMUM),
                 call_record(made_up("t 1", 64) * 7, made_up("nonce 1", 32), MINIMUM),
                 call_record(made_up("t 2", 64) * 9, made_up("nonce 2", 32), SHIPPED)],
        "fingerprint": [fingerprint_words(1, MINIMUM), fingerprint_words(2, SHIPPED)],
    }


# ---- piece ----

# Names in the order of their keys, 1, 2, 3 and so on; a list names its entries' object.
OBJECTS = {name: line.split() for name, line in {
    "manifest": "version circle epoch owner group_threshold groups:group pieces:piece hold "
                "stop_hold made previous move wrapped",
    "group": "t n", "piece": "group index kind piece_key approval",
    "descriptor": "epoch manifest_hash group_threshold groups:group pieces:acker body",
    "acker": "group ack approval",
    "roster": "circle epoch entries:entry",
    "entry": "name reach node_key seat generation sign_pub seal_pub credential "
             "addresses:address",
    "address": "at",
    "box_about": "epoch manifest_hash group index seat seal_pub",
    "box_content": "circle owner name about key piece",
    "note": "label circle owner contact about",
    "view": "request kind purpose subject ward epochs:view_epoch opened expires",
    "view_epoch": "epoch manifest_hash hold stop_hold",
    "transcript": "view req_static req_seal req_sign node_key guard_sign guard_seal owner",
    "statement": "kind purpose subject request req_sign epochs:statement_epoch t_hash how "
                 "not_before time",
    "statement_epoch": "epoch manifest_hash opened",
    "introduction": "req_sign manifest_hash until",
    "ack": "state ward epoch manifest_hash stored incarnation log_head time",
    "drop_event": "event time ward request epoch",
    "drop_receipt": "drop seq head incarnation time",
    "vault_ref": "changed device size depth root",
    "vault_item": "id name type hint user url made changed device removed now:vault_ref "
                  "past:vault_ref",
    "vault_index": "bits items pages",
    "vault_state": "generation version made circle device device_name index items bytes "
                   "parents:vault_parent",
    "vault_parent": "hash",
    "vault_head": "ward version before body signer",
    "vault_witness": "state version made epoch manifest_hash seats:vault_sight",
    "vault_sight": "ward seat version state incarnation seen",
}.items()}


def head(n, forms):
    """The shortest of (first byte, width) that holds n; width 0: within the first byte."""
    for first, width, most in forms:
        if n <= most:
            return bytes([first | n]) if width == 0 else bytes([first]) + n.to_bytes(width, "big")
    raise ValueError(n)


def pack(v):
    if isinstance(v, int):
        return head(v, ((0, 0, 0x7f), (0xcc, 1, 0xff), (0xcd, 2, 0xffff),
                        (0xce, 4, 0xffffffff), (0xcf, 8, 2 ** 64 - 1)))
    if isinstance(v, bytes):
        return head(len(v), ((0xc4, 1, 0xff), (0xc5, 2, 0xffff))) + v
    if isinstance(v, str):
        raw = v.encode()
        return head(len(raw), ((0xa0, 0, 31), (0xd9, 1, 0xff), (0xda, 2, 0xffff))) + raw
    raise TypeError(v)


def encode(name, value):
    """The canonical map; what is optional and empty is not in value."""
    left, out = dict(value), []
    for key, field in enumerate(OBJECTS[name], 1):
        field, _, entries = field.partition(":")
        if field not in left:
            continue
        v = left.pop(field)
        body = pack(v) if not entries else head(len(v), ((0x90, 0, 15), (0xdc, 2, 0xffff))) + \
            b"".join(encode(entries, e) for e in v)
        out.append(pack(key) + body)
    assert not left, left
    return head(len(out), ((0x80, 0, 15),)) + b"".join(out)


def plain(v):
    """For JSON: bytes as hex."""
    if isinstance(v, bytes):
        return v.hex()
    if isinstance(v, dict):
        return {k: plain(x) for k, x in v.items()}
    return [plain(x) for x in v] if isinstance(v, list) else v


def public(seed):
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def signature(seed, label, msg):
    return Ed25519PrivateKey.from_private_bytes(seed).sign(blake(label, msg))


def signed(name, label, seed, value):
    body = encode(name, value)
    return {"label": label, "seed": seed, "pub": public(seed), "fields": value,
            "signed": body + signature(seed, label, body)}


def boxed(label, to, ephemeral, ad, inner):
    """Box to the X25519 secret key's public key."""
    to, eph = (X25519PrivateKey.from_private_bytes(k) for k in (to, ephemeral))
    to_pub, eph_pub = (k.public_key().public_bytes_raw() for k in (to, eph))
    key = blake(label, eph_pub, to_pub, key=eph.exchange(X25519PublicKey.from_public_bytes(to_pub)))
    return eph_pub + xchacha(key, bytes(24), label, ad, inner)


def named(value, body):
    """What names an epoch: what nodes judge by, and the hash of the whole manifest."""
    u8 = lambda n: bytes([n])
    nodes = [p for p in value["pieces"] if p.get("kind", 1) == 1]
    return blake("kith manifest", u32(value["epoch"]) + u32(value["hold"]) +
                 u32(value["stop_hold"]) + u8(value["group_threshold"]) +
                 u8(len(value["groups"])) +
                 b"".join(u8(g["t"]) + u8(g["n"]) for g in value["groups"]) + u8(len(nodes)) +
                 b"".join(u8(p["group"]) + p["approval"] for p in nodes) + body)


def manifest():
    root, escrow, nonce = made_up("R", 32), made_up("K_e", 32), made_up("W_e nonce", 24)
    owner = blake("kith owner sign", key=level(root, 5, b"kithsign"))
    shares = [made_up(f"piece {i}", 37) for i in range(4)]
    seeds = [blake("kith piece key", p[:5], key=p[5:]) for p in shares]
    value = {
        "version": 1, "circle": made_up("circle", 16), "epoch": 0x10203, "owner": public(owner),
        "group_threshold": 1, "groups": [{"t": 3, "n": 4}],
        "pieces": [dict({"group": 0, "index": i, "kind": 2 if i == 3 else 1,
                         "piece_key": public(seed)},
                        **({} if i == 3 else {"approval": made_up(f"approval {i}", 32)}))
                   for i, seed in enumerate(seeds)],
        "hold": 259200, "stop_hold": 777600, "made": 1790000000,
        "previous": made_up("previous", 32)}
    # All before W_e's own key, bin length and 72 bytes; the map's count has it already.
    before = encode("manifest", dict(value, wrapped=bytes(72)))[:-75]
    ad = blake("kith manifest before", before)
    kek = blake("kith kek", value["circle"], u32(value["epoch"]), key=escrow)
    value["wrapped"] = nonce + xchacha(kek, nonce, "kith kek", ad, root)
    raw = signed("manifest", "kith manifest", owner, value)
    seal_key, seal_nonce = made_up("manifest key", 32), made_up("manifest nonce", 24)
    body = blake("kith manifest body", raw["signed"])
    hash_ = named(value, body)
    sealed = seal_nonce + xchacha(seal_key, seal_nonce, "kith manifest seal", hash_, raw["signed"])
    line = b"\x01" + value["circle"] + u32(value["epoch"]) + ad + value["wrapped"]
    line = "KITH-WRAPPED:" + base32(line + blake("kith wrapped line", line, size=16)[:4])
    return dict(raw, root=root, escrow=escrow, nonce=nonce, before=ad, kek=kek, body=body, hash=hash_,
                line=line, pieces=[{"piece": p, "seed": s, "public": public(s)}
                        for p, s in zip(shares, seeds)],
                manifest_key=seal_key, seal_nonce=seal_nonce, sealed=sealed)


def boxes(hash_):
    owner, to = made_up("owner", 32), made_up("sealing key", 32)
    seat = made_up("seat", 16)
    to_pub = X25519PrivateKey.from_private_bytes(to).public_key().public_bytes_raw()
    about = {"epoch": 7, "manifest_hash": hash_, "group": 0, "index": 2, "seat": seat,
             "seal_pub": to_pub}
    out = {}
    for kind in ("piece", "roster"):
        content = {"circle": made_up("circle", 16), "owner": public(owner), "name": "Zoë",
                   "about": "my first dog: Bello", "key": made_up(f"{kind} box key", 32)}
        if kind == "piece":
            content["piece"] = made_up("piece 2", 37)
        label, eph = f"kith box {kind}", made_up(f"{kind} ephemeral", 32)
        a, c = encode("box_about", about), encode("box_content", content)
        sig = signature(owner, "kith box inner",
                        blake("kith box inner", label.encode(), a, c))
        out[f"box_{kind}"] = {"key": to, "ephemeral": eph, "owner_seed": owner, "about": about,
                              "about_encoded": a, "fields": content,
                              "sealed": boxed(label, to, eph, a, c + sig)}
    note = {"label": "Zoë", "circle": made_up("circle", 16), "owner": public(owner),
            "contact": "+49 170 1"}
    eph = made_up("note ephemeral", 32)
    out["note"] = {"key": to, "ephemeral": eph, "seat": seat, "fields": note,
                   "sealed": boxed("kith box note", to, eph, seat, encode("note", note))}
    key, nonce = made_up("roster key", 32), made_up("roster nonce", 24)
    roster = {"circle": made_up("circle", 16), "epoch": 7, "entries": [
        {"name": n, "reach": f"call {n}", "node_key": made_up(f"node {n}", 32),
         "seat": made_up(f"seat {n}", 16), "generation": 0, "sign_pub": made_up(f"sign {n}", 32),
         "seal_pub": made_up(f"seal {n}", 32), "credential": made_up(f"cred {n}", 32),
         "addresses": [{"at": address(h, 7844)[0]} for h in ("192.0.2.7", "ben.example")]}
        for n in ("Ben", "Maria")]}
    out["roster"] = {"key": key, "nonce": nonce, "manifest_hash": hash_, "fields": roster,
                     "sealed": nonce + xchacha(key, nonce, "kith roster seal", hash_,
                                               encode("roster", roster))}
    return out


def ceremony(hash_):
    node, approval, ack = (made_up(n, 32) for n in ("node sign", "approval key", "ack key"))
    view = signed("view", "kith view", node, {
        "request": made_up("request", 16), "kind": 2, "purpose": 1, "ward": made_up("ward", 16),
        "epochs": [{"epoch": 7, "manifest_hash": hash_, "hold": 259200, "stop_hold": 777600}],
        "opened": 1790000000, "expires": 1791209600})
    t = {"view": view["signed"]}
    t.update((k, made_up(k, 32)) for k in OBJECTS["transcript"][1:])
    encoded, nonce = encode("transcript", t), made_up("requester nonce", 32)
    t_hash = blake("kith transcript", encoded)
    statement = {"purpose": 1, "request": made_up("request", 16), "req_sign": t["req_sign"],
                 "epochs": [{"epoch": 7, "manifest_hash": hash_, "opened": 1},
                            {"epoch": 6, "manifest_hash": made_up("old", 32), "opened": 2}],
                 "t_hash": t_hash, "how": 5, "not_before": 1790259200, "time": 1790000100}
    kinds = ("restore", "confirm", "move")
    parts = [made_up(n, 40 + i) for i, n in enumerate(("bp", "br", "m", "r", "d"))]
    stored = blake("kith stored", *(x for p in parts for x in (u32(len(p)), p)))
    to, key = made_up("requester sealing key", 32), made_up("manifest key", 32)
    releases = {}
    for name, label, inner in (
            ("release", "kith box release", made_up("piece 2", 37) + key),
            ("release_roster", "kith box release roster", key)):
        eph = made_up(f"{name} ephemeral", 32)
        releases[name] = {"key": to, "ephemeral": eph, "t": encoded, "manifest_hash": hash_,
                          "inner": inner, "sealed": boxed(label, to, eph, t_hash + hash_, inner)}
    return dict(
        releases, view=view,
        transcript={"fields": t, "encoded": encoded, "hash": t_hash, "nonce": nonce,
                    "commitment": blake("kith commitment", nonce),
                    "call": [plain(call_record(encoded, nonce, c)) for c in (MINIMUM, SHIPPED)]},
        statements=[signed("statement", f"kith statement {k}", approval,
                           dict(statement, kind=i)) for i, k in enumerate(kinds, 1)],
        introduction=signed("introduction", "kith introduction", approval, {
            "req_sign": t["req_sign"], "manifest_hash": hash_, "until": 1791209600}),
        stored={"parts": parts, "hash": stored},
        ack=signed("ack", "kith ack", ack, {
            "state": 3, "ward": made_up("ward", 16), "epoch": 7, "manifest_hash": hash_,
            "stored": stored, "incarnation": made_up("incarnation", 16),
            "log_head": made_up("log head", 32), "time": 1790000200}))


def signatures():
    seed = made_up("guardian sign", 32)
    ids = {"node_key": made_up("node key", 32), "seat": made_up("seat", 16),
           "seal_pub": made_up("seal pub", 32), "handshake": made_up("handshake", 64),
           "invite": made_up("invite", 16), "approval": made_up("approval", 32),
           "ward": made_up("ward", 16), "epoch": 7, "ack": made_up("ack", 32),
           "request": made_up("request", 16), "op": made_up("op", 16)}
    sign = lambda label, *parts: signature(seed, label, b"".join(parts))
    return dict(
        ids, seed=seed, pub=public(seed),
        ack_key_sig=sign("kith ack key", ids["ward"], u32(7), ids["ack"]),
        seat_keys_sig=sign("kith seat keys", ids["node_key"], ids["seat"], public(seed),
                           ids["seal_pub"]),
        seat_enrol_sig=sign("kith seat enrol", ids["node_key"], ids["handshake"]),
        approval_sig=sign("kith approval public", ids["seat"], ids["invite"], ids["approval"]),
        unlock_sig=sign("kith unlock", ids["request"], ids["op"]))


def piece():
    m = manifest()
    value = {
        "epoch": 7, "manifest_hash": m["hash"], "group_threshold": 2,
        "groups": [{"t": 2, "n": 3}, {"t": 3, "n": 4}],
        "pieces": [{"group": g, "ack": made_up(f"ack {g}", 32),
                    "approval": made_up(f"appr {g}", 32)} for g in (0, 1)],
        "body": made_up("body", 32)}
    holds = {"hold": 259200, "stop_hold": 777600}
    descriptor = dict(signed("descriptor", "kith descriptor", made_up("account sign", 32), value),
                      **holds, name=named(dict(value, **holds), value["body"]))
    return plain(dict({
        "about": "What an epoch is made of, and one ceremony; see docs/PROTOCOL.md. Absent "
                 "fields are empty.",
        "manifest": m, "descriptor": descriptor, "signatures": signatures()},
        **boxes(m["hash"]), **ceremony(m["hash"])))


# ---- derive ----

def bech32(hrp, raw):
    """BIP-173."""
    bits = "".join(f"{b:08b}" for b in raw)
    bits += "0" * (-len(bits) % 5)
    data = [int(bits[i:i + 5], 2) for i in range(0, len(bits), 5)]

    def polymod(values):
        total = 1
        for v in values:
            top = total >> 25
            total = (total & 0x1ffffff) << 5 ^ v
            for i, g in enumerate((0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3)):
                total ^= g if top >> i & 1 else 0
        return total

    expanded = [ord(c) >> 5 for c in hrp] + [0] + [ord(c) & 31 for c in hrp]
    check = polymod(expanded + data + [0] * 6) ^ 1
    data += [check >> 5 * (5 - i) & 31 for i in range(6)]
    return hrp + "1" + "".join("qpzry9x8gf2tvdw0s3jn54khce6mua7l"[d] for d in data)


def ssh_blob(*parts):
    return b"".join(u32(len(p)) + p for p in parts)


def ssh_forms(seed, comment):
    """OpenSSH's PROTOCOL.key, without encryption."""
    pub = public(seed)
    open_ = ssh_blob(b"ssh-ed25519", pub)
    inner = pub[:4] * 2 + open_ + ssh_blob(seed + pub, comment)
    inner += bytes(range(1, 1 + -len(inner) % 8))
    raw = (b"openssh-key-v1\0" + ssh_blob(b"none", b"none", b"") + u32(1)
           + ssh_blob(open_, inner))
    text = base64.b64encode(raw).decode()
    lines = [text[i:i + 70] for i in range(0, len(text), 70)]
    kind = "OPENSSH PRIVATE KEY"
    return ("\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----", ""]),
            f"ssh-ed25519 {base64.b64encode(open_).decode()} {comment.decode()}\n")


def password_form(key):
    bits = "".join(f"{b:08b}" for b in key)
    letters = ["0123456789abcdefghjkmnpqrstvwxyz"[int(bits[i:i + 5], 2)]
               for i in range(0, 100, 5)]
    return "-".join("".join(letters[i:i + 5]) for i in range(0, 20, 5)) + "-K7\n"


def derive_record(root, kind, name, index):
    key = blake(f"kith derive {kind}", u32(index), name.encode(),
                key=level(root, 9, b"kithderi"))
    pub = None
    if kind == "age":
        secret = bech32("age-secret-key-", key).upper() + "\n"
        pub = bech32("age", X25519PrivateKey.from_private_bytes(key).public_key()
                     .public_bytes_raw()) + "\n"
    elif kind == "ssh":
        secret, pub = ssh_forms(key, name.encode())
    else:
        secret = password_form(key)
    return {"type": kind, "name": name, "index": index, "key": key.hex(), "secret": secret,
            "public": pub}


def derive():
    root = made_up("derive root", 32)
    return {
        "about": "kith derive; see docs/PROTOCOL.md.",
        "root": root.hex(),
        "derived": [derive_record(root, kind, name, index)
                    for kind in ("age", "ssh", "password")
                    for name in ("backup", "b", "Grüße an Oma", "n" * 64)
                    for index in (0, 1, 999999)]}


# ---- drops ----

def u64(v):
    return v.to_bytes(8, "big")


def drop():
    node, reader, depositor = (made_up(n, 32) for n in ("drop node", "reader", "depositor"))
    id_, ward, request = (made_up(n, 16) for n in ("drop", "drop ward", "drop request"))
    events = [{"event": 4, "time": 1800000000, "ward": ward},
              {"event": 5, "time": 1800000060, "ward": ward, "epoch": 1},
              {"event": 16, "time": 1800259200, "ward": ward, "request": request}]
    blobs = [encode("drop_event", e) for e in events] + [bytes(range(256)) * 64]
    at, entries = bytes(32), []
    for seq, blob in enumerate(blobs, 1):
        received = 1800000000 + seq * 1000
        hash_ = blake("kith drop chain", blob)
        at = blake("kith drop chain", at, u64(seq), u64(received), hash_)
        entries.append({"seq": seq, "received": received, "blob": blob, "hash": hash_, "head": at})
    seq = len(entries)
    receipt = {"drop": id_, "seq": seq, "head": at, "incarnation": made_up("incarnation", 16),
               "time": 1800004321}
    last = entries[-1]
    return plain({
        "about": "A drop of three events and a large blob; see docs/PROTOCOL.md.",
        "drop": id_,
        "events": events,
        "entries": entries,
        "receipt": signed("drop_receipt", "kith drop receipt", node, receipt),
        "mark": {"seed": reader, "pub": public(reader), "seq": seq, "head": at,
                 "sig": signature(reader, "kith drop mark", id_ + u64(seq) + at)},
        "deposit": {"seed": depositor, "pub": public(depositor), "blob": last["blob"],
                    "sig": signature(depositor, "kith drop blob", id_ + last["hash"])},
        "test_word": int.from_bytes(entries[0]["hash"][:8], "big") % 1296})


# ---- vault ----

CHUNK, FAN = 48 * 1024 - 40 - 12, (48 * 1024 - 40 - 12) // 32
CONTENT, LISTED, INDEX, PAGE = 1, 2, 3, 4


def padme(n):
    """PURBs, section 4.5; never below 256."""
    if n <= 256:
        return 256
    e = n.bit_length() - 1
    s = e.bit_length()
    mask = (1 << (e - s)) - 1
    return (n + mask) & ~mask


def vault_keys(root, generation):
    key = blake("kith vault generation", u32(generation), key=level(root, 2, b"kithvalt"))
    return {"key": key, "object": blake("kith vault object key", key=key),
            "nonce": blake("kith vault nonce key", key=key),
            "head": blake("kith vault head key", key=key)}


def vault_object(keys, kind, content, padded, salt):
    plain_ = u32(len(content)) + u64(salt) + content + bytes(padded - len(content))
    bound = blake("kith vault object", bytes([kind]))
    nonce = blake("kith vault nonce", bound, plain_, size=24, key=keys["nonce"])
    return nonce + xchacha(keys["object"], nonce, "kith vault object", bytes([kind]), plain_)


def vault_id(object_):
    return blake("kith vault object id", object_)


class Vault:
    """Objects in the order in which a reader meets them."""

    def __init__(self, keys):
        self.keys, self.objects = keys, {}

    def put(self, kind, content, padded=None, salt=0):
        padded = min(padme(len(content)), CHUNK) if padded is None else padded
        object_ = vault_object(self.keys, kind, content, padded, salt)
        self.objects[vault_id(object_)] = object_
        return vault_id(object_)

    def content(self, data):
        """Size, depth and root of a content, and the ids of its chunks."""
        total = padme(len(data))
        ids, last = [], None
        for i in range((total + CHUNK - 1) // CHUNK):
            part = data[i * CHUNK:(i + 1) * CHUNK]
            padded = max(min(CHUNK, total - i * CHUNK), 256)
            salt = i
            if not part and i > 0:
                salt = int.from_bytes(blake("kith vault padding", last, u64(i), size=8), "big")
            ids.append(self.put(CONTENT, part, padded, salt))
            last = ids[-1] if part else last
        level_, depth = ids, 0
        while len(level_) > 1:
            level_ = [self.put(LISTED, b"".join(level_[k:k + FAN]))
                      for k in range(0, len(level_), FAN)]
            depth += 1
        return {"size": len(data), "depth": depth, "root": level_[0]}, ids


def pattern(n):
    return bytes((7 * i + i // 999) & 0xff for i in range(n))


def padded_encoding(name, value, size):
    raw = encode(name, value)
    return (len(raw).to_bytes(2, "big") + raw).ljust(size, b"\0")


def vault_sealed(keys, label, ward, nonce, plain_):
    return nonce + xchacha(keys["head"], nonce, label, ward, plain_)


def vault_items(vault):
    """Three items in the one page of a small index: with a past, removed, of two chunks."""
    device, other = made_up("device", 16), made_up("other device", 16)
    ref = lambda data, changed, by: dict(vault.content(data)[0], changed=changed, device=by)
    bank = {"id": made_up("item bank", 16), "name": "Bank", "type": 2, "user": "zoë",
            "url": "https://bank.example", "made": 1790000000, "changed": 1790000300,
            "device": other, "now": [ref(b"correct horse", 1790000200, other)],
            "past": [ref(b"hunter2", 1790000000, device)]}
    old = {"id": made_up("item old", 16), "name": "Old note", "type": 1, "made": 1790000010,
           "changed": 1790000400, "device": device, "removed": 1790000400,
           "past": [ref(b"", 1790000010, device)]}
    scan = {"id": made_up("item scan", 16), "name": "Passport.pdf", "type": 6,
            "hint": "open it with a reader", "made": 1790000020, "changed": 1790000020,
            "device": device, "now": [ref(pattern(60000), 1790000020, device)]}
    return sorted((bank, old, scan), key=lambda i: i["id"])


def vault_whole(root):
    keys = vault_keys(root, 1)
    vault = Vault(keys)
    items = vault_items(vault)
    page = b"".join(len(e).to_bytes(2, "big") + e
                    for e in (encode("vault_item", i) for i in items))
    index = {"bits": 0, "items": len(items), "pages": vault.put(PAGE, page)}
    state = {"generation": 1, "version": 7, "made": 1790000500, "circle": made_up("circle", 16),
             "device": made_up("device", 16), "device_name": "zoë-laptop",
             "index": vault.put(INDEX, encode("vault_index", index)), "items": 2,
             "bytes": 60013, "parents": [{"hash": made_up("parent", 32)}]}
    state_hash = blake("kith vault state hash", encode("vault_state", state))
    ward, sign = made_up("vault ward", 16), made_up("vault device sign", 32)
    seal = lambda w, n: vault_sealed(keys, "kith vault state", w, made_up(n, 24),
                                     padded_encoding("vault_state", state, 1024))
    head_ = signed("vault_head", "kith vault head", sign, {
        "ward": ward, "version": 3, "before": made_up("head before", 32),
        "body": seal(ward, "state nonce"), "signer": public(sign)})
    witness = {"state": state_hash, "version": 7, "made": 1790000500, "epoch": 2,
               "manifest_hash": made_up("manifest", 32),
               "seats": [{"ward": made_up(f"ward {i}", 16), "seat": made_up(f"seat {i}", 16),
                          "version": 2 + i, "state": state_hash,
                          "incarnation": made_up(f"incarnation {i}", 16),
                          "seen": 1790000500 - i} for i in range(2)]}
    sealed = vault_sealed(keys, "kith vault witness", ward, made_up("witness nonce", 24),
                          padded_encoding("vault_witness", witness, 256 + 8 * 116))
    copy = b"KITH-VAULT-1\n" + b"".join(
        u32(len(o)) + o for o in [seal(bytes(16), "copy nonce"), *vault.objects.values()])
    return {"items": items, "page": page, "index": index, "state": state,
            "state_hash": state_hash, "state_nonce": made_up("state nonce", 24),
            "head": dict(head_, hash=blake("kith vault head", head_["signed"])),
            "witness": {"fields": witness, "nonce": made_up("witness nonce", 24),
                        "sealed": sealed},
            "objects": [vault_id(o) for o in vault.objects.values()],
            "contents": {"Bank": b"correct horse", "Bank 1": b"hunter2", "Old note 1": b""},
            "copy_nonce": made_up("copy nonce", 24),
            "copy": base64.b64encode(copy).decode()}


def vault_content_record(keys, size):
    vault = Vault(keys)
    ref, ids = vault.content(pattern(size))
    return dict(ref, chunks=len(ids), objects=len(vault.objects),
                chunk_ids=blake("kith vault object id", *ids),
                bytes=sum(len(o) for o in vault.objects.values()))


def vault():
    root = made_up("R", 32)
    keys = vault_keys(root, 1)
    objects = []
    for kind, content, padded, salt in (
            (1, b"", 256, 0), (1, b"hunter2", 256, 0), (1, b"hunter2", 256, 1),
            (1, b"hunter2", 257, 0), (2, made_up("id", 32), 256, 0), (4, pattern(300), 304, 0),
            (1, b"", 272, 0xfedcba9876543210), (3, pattern(256), 256, 2 ** 64 - 1)):
        object_ = vault_object(keys, kind, content, padded, salt)
        objects.append({"kind": kind, "content": content, "padded": padded, "salt": u64(salt),
                        "object": object_, "id": vault_id(object_)})
    sizes = (0, 1, 255, 256, 257, 1000, 48900, CHUNK - 1, CHUNK, CHUNK + 1, 98304, 99000,
             5 * 1024 * 1024, 64 * 1024 * 1024 - 1, 64 * 1024 * 1024)
    return plain({
        "about": "The vault; see docs/PROTOCOL.md. Byte i of a pattern of n bytes is "
                 "(7 i + i / 999) mod 256. Absent fields are empty.",
        "keys": [dict(vault_keys(root, g), root=root, generation=g) for g in (1, 2, 2 ** 32 - 1)],
        "pads": [{"size": n, "padded": padme(n)} for n in sizes],
        "objects": objects,
        "contents": [vault_content_record(keys, n)
                     for n in (0, 7, 48128, 49000, CHUNK, CHUNK + 1, 100000, 1000001)],
        "vault": vault_whole(root)})


def main():
    bad = 0
    for name, value in (("crypt", crypt()), ("ident", ident()), ("words", words()),
                        ("piece", piece()), ("drop", drop()), ("derive", derive()),
                        ("vault", vault())):
        path = HERE / f"{name}.json"
        text = json.dumps(value, indent=1) + "\n"
        if "--check" not in sys.argv:
            path.write_text(text)
        elif path.read_text() != text:
            print(f"{path.name} differs from what is computed", file=sys.stderr)
            bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main())
