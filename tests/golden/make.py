#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the folder of one format from docs/PROTOCOL.md alone, without Kith's code: cards of
two circles of one root (3 of 5; and 2 of 2 groups), their lines KITH-WRAPPED, a vault copy,
and what must come out of them. The same bytes each time.

    make.py FOLDER [--check]     FOLDER: tests/golden/1

A folder of a released format is never made anew: it stays as it was released.
"""
import hashlib
import hmac
import importlib.util
import json
import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
spec = importlib.util.spec_from_file_location("vectors", HERE / "../vectors/make.py")
v = importlib.util.module_from_spec(spec)
spec.loader.exec_module(v)

ROOT = v.made_up("golden root", 32)
OWNER = v.blake("kith owner sign", key=v.level(ROOT, 5, b"kithsign"))
CIRCLE = v.made_up("golden circle", 16)
MADE = 1790000000
CARDS = (v.HERE / "../../proto/slip39_words.inc").read_text()
CARDS = [w for w in CARDS.split('"')[1::2]]
assert len(CARDS) == 1024


def draw(name, size):
    """Bytes of any length that a name stands for."""
    out = b""
    while len(out) < size:
        out += hashlib.blake2b(f"{name} {len(out)}".encode()).digest()
    return out[:size]


# ---- SLIP-39 ----

def times(a, b):
    out = 0
    while b:
        out ^= a if b & 1 else 0
        a = a << 1 ^ (0x11b if a & 0x80 else 0)
        b >>= 1
    return out


def inverse(a):
    return next(b for b in range(1, 256) if times(a, b) == 1)


def value_at(points, x):
    """Lagrange: the polynomial through points {x: bytes}, at x."""
    out = bytes(len(next(iter(points.values()))))
    for i, value in points.items():
        c = 1
        for k in points:
            if k != i:
                c = times(c, times(x ^ k, inverse(i ^ k)))
        out = bytes(o ^ times(c, b) for o, b in zip(out, value))
    return out


def shamir(name, t, n, secret):
    if t == 1:
        return [secret] * n
    tail = draw(name + " digest", len(secret) - 4)
    digest = hmac.new(tail, secret, hashlib.sha256).digest()[:4] + tail
    points = {i: draw(f"{name} value {i}", len(secret)) for i in range(t - 2)}
    base = {**points, 254: digest, 255: secret}
    return [points[i] if i in points else value_at(base, i) for i in range(n)]


def encrypt(secret):
    """Extendable, exponent 0, no passphrase."""
    half = len(secret) // 2
    left, right = secret[:half], secret[half:]
    for i in range(4):
        f = hashlib.pbkdf2_hmac("sha256", bytes([i]), right, 2500, half)
        left, right = right, bytes(a ^ b for a, b in zip(left, f))
    return right + left


def rs1024(values):
    gen = (0xe0e040, 0x1c1c080, 0x3838100, 0x7070200, 0xe0e0009,
           0x1c0c2412, 0x38086c24, 0x3090fc48, 0x21b1f890, 0x3f3f120)
    sum_ = 1
    for x in values:
        top = sum_ >> 20
        sum_ = (sum_ & 0xfffff) << 10 ^ x
        for i in range(10):
            sum_ ^= gen[i] if top >> i & 1 else 0
    return sum_


def word_indices(piece):
    bits = int.from_bytes(piece[:5], "big") << 260 | int.from_bytes(piece[5:], "big")
    data = [bits >> 10 * (29 - i) & 1023 for i in range(30)]
    check = rs1024(list(b"shamir_extendable") + data + [0, 0, 0]) ^ 1
    return data + [check >> 10 * (2 - i) & 1023 for i in range(3)]


def split(name, identifier, threshold, groups, secret):
    """[(group, index, piece of 37 bytes)]"""
    out = []
    for g, value in enumerate(shamir(name, threshold, len(groups), encrypt(secret))):
        t, n = groups[g]
        for i, share in enumerate(shamir(f"{name} {g}", t, n, value)):
            header = identifier << 25 | 1 << 24 | 0 << 20 | g << 16 | (threshold - 1) << 12 | \
                (len(groups) - 1) << 8 | i << 4 | (t - 1)
            out.append((g, i, header.to_bytes(5, "big") + share))
    return out


# ---- cards ----

def row_check(words, row):
    sum_ = row + 1
    for w in words:
        sum_ <<= 1
        sum_ ^= 0x409 if sum_ >> 10 else 0
        sum_ ^= w
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    return digits[sum_ >> 5] + digits[sum_ & 31]


def line(head, label, body):
    return head + v.base32(body + v.blake(label, body, size=16)[:4])


def packed(*fields):
    """A map of (key, value)."""
    return v.head(len(fields), ((0x80, 0, 15), (0xde, 2, 0xffff))) + b"".join(
        v.pack(k) + (x[1] if isinstance(x, tuple) else v.pack(x)) for k, x in fields)


def listed(entries):
    """A list of maps, for packed."""
    return (None, v.head(len(entries), ((0x90, 0, 15), (0xdc, 2, 0xffff))) + b"".join(entries))


def card_text(epoch, need, of, g, i, piece, name):
    key = v.public(v.blake("kith piece key", piece[:5], key=piece[5:]))
    public = packed((1, CIRCLE), (2, epoch), (3, g), (4, i), (5, need), (6, of),
                    (7, v.public(OWNER)), (8, key), (9, v.made_up(f"golden manifest {epoch}", 32)),
                    (10, MADE), (11, name))
    words = word_indices(piece)
    rows = []
    for r in range(7):
        row = words[5 * r:5 * r + 5]
        rows.append(f"{r + 1}  {' '.join(CARDS[w] for w in row)}  {row_check(row, r)}")
    return "\n".join(rows) + "\n" + line("KITH-CARD1:", "kith card line", public) + "\n"


def wrapped(epoch, escrow):
    ad = v.made_up(f"golden before {epoch}", 32)
    kek = v.blake("kith kek", CIRCLE, v.u32(epoch), key=escrow)
    nonce = draw(f"golden W_e {epoch}", 24)
    sealed = nonce + v.xchacha(kek, nonce, "kith kek", ad, ROOT)
    body = b"\1" + CIRCLE + v.u32(epoch) + ad + sealed
    return line("KITH-WRAPPED:", "kith wrapped line", body) + "\n"


# ---- vault ----

KEY = v.blake("kith vault generation", v.u32(1), key=v.level(ROOT, 2, b"kithvalt"))
OBJECT, NONCE, HEAD = (v.blake(f"kith vault {k} key", key=KEY) for k in ("object", "nonce", "head"))
CHUNK = 48 * 1024 - 40 - 12
CONTENT, LIST, INDEX, PAGE = 1, 2, 3, 4
DEVICE = v.made_up("golden device", 16)


def pad(n):
    """Padme, at least 256."""
    if n <= 256:
        return 256
    e = n.bit_length() - 1
    s = e.bit_length()
    mask = (1 << e - s) - 1
    return n + mask & ~mask


class Copy:
    """Objects in the order they were made."""

    def __init__(self):
        self.objects = {}

    def put(self, kind, content, padded, salt):
        plain = v.u32(len(content)) + salt + content + bytes(padded - len(content))
        bound = v.blake("kith vault object", bytes([kind]))
        nonce = v.blake("kith vault nonce", bound, plain, size=24, key=NONCE)
        object_ = nonce + v.xchacha(OBJECT, nonce, "kith vault object", bytes([kind]), plain)
        id_ = v.blake("kith vault object id", object_)
        self.objects[id_] = object_
        return id_

    def one(self, kind, content):
        return self.put(kind, content, min(pad(len(content)), CHUNK), bytes(8))

    def chunks(self, content):
        left, last, out = pad(len(content)), bytes(32), []
        for at in range((left + CHUNK - 1) // CHUNK):
            part = content[at * CHUNK:(at + 1) * CHUNK]
            salt = at.to_bytes(8, "big")
            if not part and at > 0:
                salt = v.blake("kith vault padding", last, salt)[:8]
            out.append(self.put(CONTENT, part, max(min(left, CHUNK), 256), salt))
            last = out[-1] if part else last
            left -= CHUNK
        return out

    def content(self, content, changed):
        ids, depth = self.chunks(content), 0
        while len(ids) > 1:
            fan = CHUNK // 32
            ids = [self.one(LIST, b"".join(ids[i:i + fan])) for i in range(0, len(ids), fan)]
            depth += 1
        return packed((1, changed), (2, DEVICE), (3, len(content)), (4, depth), (5, ids[0]))


def items():
    """name, type, user, url, hint, removed, contents newest first"""
    few = [
        ("bank", 2, "ana", "https://bank.example", "Log in, then change it", 0, [b"correct horse", b"old horse", b"older"]),
        ("Gru\u00df", 1, "", "", "", 0, ["Hallo, gr\u00fc\u00df dich\n".encode()]),
        ("empty", 1, "", "", "", 0, [b""]),
        ("../etc/passwd", 6, "", "", "", 0, [b"\0\1\2\xff"]),
        ("passport.pdf", 6, "", "", "", 0, [draw("golden pdf", 150000)]),
        ("one chunk", 6, "", "", "", 0, [draw("golden chunk", CHUNK)]),
        ("one more", 6, "", "", "", 0, [draw("golden chunk", CHUNK) + b"x"]),
        ("gone", 3, "", "", "", MADE + 50, [b"JBSWY3DPEHPK3PXP"]),
    ]
    return few + [(f"site {n:02}", 2, f"user{n}", "", "", 0, [f"password {n}".encode()]) for n in range(40)]


def vault(copy):
    """The index of all items; what must come out of it."""
    pages, out = [[], [], [], []], []
    for n, (name, kind, user, url, hint, removed, contents) in enumerate(items()):
        id_ = v.made_up(f"golden item {n}", 16)
        refs = [copy.content(c, MADE + 100 - i) for i, c in enumerate(contents)]
        now, past = ([], refs) if removed else (refs[:1], refs[1:])
        fields = [(1, id_), (2, name), (3, kind), (4, hint), (5, user), (6, url), (7, MADE),
                  (8, MADE + 100), (9, DEVICE), (10, removed), (11, listed(now) if now else 0),
                  (12, listed(past) if past else 0)]
        pages[id_[0] >> 6].append((id_, packed(*(f for f in fields if f[1]))))
        sums = [{"size": len(c), "sha256": hashlib.sha256(c).hexdigest()} for c in contents]
        out.append({"name": name, "type": ["", "note", "password", "totp", "codes", "key", "file"][kind],
                    "user": user, "url": url, "hint": hint, "made": MADE, "changed": MADE + 100,
                    "removed": removed, "now": [] if removed else sums[:1],
                    "past": sums if removed else sums[1:]})
    ids = [copy.one(PAGE, b"".join(len(e).to_bytes(2, "big") + e for _, e in sorted(p))) for p in pages]
    index = copy.one(INDEX, packed((1, 2), (2, len(out)), (3, b"".join(ids))))
    return index, sorted(out, key=lambda i: i["name"])


def copy_file():
    copy = Copy()
    index, out = vault(copy)
    there = [i["now"][0]["size"] for i in out if i["now"]]
    state = packed((1, 1), (2, 7), (3, MADE + 200), (4, CIRCLE), (5, DEVICE), (6, "Ana's laptop"),
                   (7, index), (8, len(there)), (9, sum(there)),
                   (10, listed([packed((1, v.made_up("golden parent", 32)))])))
    plain = (len(state).to_bytes(2, "big") + state).ljust(1024, b"\0")
    nonce = draw("golden state", 24)
    sealed = nonce + v.xchacha(HEAD, nonce, "kith vault state", bytes(16), plain)
    frames = b"".join(struct.pack(">I", len(o)) + o for o in [sealed, *copy.objects.values()])
    return b"KITH-VAULT-1\n" + frames, out


# ---- the folder ----

def folder():
    files = {}
    escrow, other = v.made_up("golden escrow", 32), v.made_up("golden escrow of groups", 32)
    for g, i, piece in split("golden", 0x5a5a, 1, [(3, 5)], escrow):
        files[f"card-{i + 1}.txt"] = card_text(3, 3, 5, g, i, piece, "Ana")
    files["wrapped.txt"] = wrapped(3, escrow)
    chosen = split("golden groups", 0x1234, 2, [(2, 3), (2, 4)], other)
    for g, i, piece in chosen:
        if i > 0 and i < 3:
            files[f"groups-card-{g + 1}-{i + 1}.txt"] = card_text(4, 4, 7, g, i, piece, "Ana")
    files["groups-wrapped.txt"] = wrapped(4, other)
    files["root.txt"] = ROOT.hex() + "\n"
    files["fingerprint.txt"] = v.words_of(
        v.argon(v.public(OWNER), v.blake("kith fingerprint", size=16), v.SHIPPED)[:8], 4) + "\n"
    files["vault.copy"], out = copy_file()
    files["items.json"] = json.dumps(out, indent=1) + "\n"
    return files


def main():
    to, bad = pathlib.Path(sys.argv[1]), 0
    for name, content in folder().items():
        raw = content if isinstance(content, bytes) else content.encode()
        if "--check" not in sys.argv:
            (to / name).write_bytes(raw)
        elif (to / name).read_bytes() != raw:
            print(f"{name} differs from what is computed", file=sys.stderr)
            bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main())
