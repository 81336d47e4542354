#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Computes conversation.json from docs/PROTOCOL.md and the Noise specification alone.

    make_conversation.py          writes the file beside this script
    make_conversation.py --check  exits 1 when the file differs from what is computed

X25519 and ChaCha20-Poly1305 come from the Python package cryptography.
"""
import hashlib
import hmac
import json
import pathlib
import sys

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

FILE = pathlib.Path(__file__).resolve().parent / "conversation.json"
PROTOCOL = b"Noise_XKpsk3_25519_ChaChaPoly_BLAKE2b"
SIZES = (256, 1024, 4096, 16384, 65519)


def made_up(name, size=32):
    return hashlib.blake2b(name.encode(), digest_size=size).digest()


def public(key):
    return X25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()


def dh(key, pub):
    return X25519PrivateKey.from_private_bytes(key).exchange(X25519PublicKey.from_public_bytes(pub))


def blake2b(data):
    return hashlib.blake2b(data).digest()


def hkdf(ck, ikm, n):
    key = hmac.new(ck, ikm, hashlib.blake2b).digest()
    out = [b""]
    for i in range(n):
        out.append(hmac.new(key, out[-1] + bytes([i + 1]), hashlib.blake2b).digest())
    return out[1:]


def seal(key, n, ad, plain):
    return ChaCha20Poly1305(key).encrypt(bytes(4) + n.to_bytes(8, "little"), plain, ad)


class Symmetric:
    """SymmetricState of the specification; every encryption here is the key's first or second."""

    def __init__(self, prologue, known):
        self.h = self.ck = PROTOCOL.ljust(64, b"\0")
        self.mix_hash(prologue)
        self.mix_hash(known)

    def mix_hash(self, data):
        self.h = blake2b(self.h + data)

    def mix_key(self, ikm):
        self.ck, k = hkdf(self.ck, ikm, 2)
        self.k, self.n = k[:32], 0

    def mix_psk(self, psk):
        self.ck, h, k = hkdf(self.ck, psk, 3)
        self.mix_hash(h)
        self.k, self.n = k[:32], 0

    def encrypt(self, plain):
        sealed = seal(self.k, self.n, self.h, plain)
        self.n += 1
        self.mix_hash(sealed)
        return sealed

    def ephemeral(self, pub):
        self.mix_hash(pub)
        self.mix_key(pub)
        return pub


def gate(node, hello, act_1):
    key = hashlib.blake2b(b"kith gate key\0" + node, digest_size=32).digest()
    return hashlib.blake2b(b"kith gate\0" + hello + act_1, digest_size=16, key=key).digest()


def frame(key, n, kind, tag, body):
    plain = (len(body).to_bytes(2, "big") + kind.to_bytes(2, "big") + tag.to_bytes(4, "big")
             + body)
    plain = plain.ljust(next(s for s in SIZES if s >= len(plain)), b"\0")
    sealed = seal(key, n, b"", plain)
    return len(sealed).to_bytes(2, "big") + sealed


def conversation(name, role, bodies):
    node, client = made_up(name + " node"), made_up(name + " client")
    e_client, e_node = made_up(name + " client e"), made_up(name + " node e")
    psk, cred = made_up(name + " psk"), made_up(name + " id", 16)
    hello = b"KITH" + bytes([1, 0, 0, 0])

    s = Symmetric(hello, public(node))
    act_1 = s.ephemeral(public(e_client))
    s.mix_key(dh(e_client, public(node)))
    act_1 += s.encrypt(bytes([role]) + cred)
    act_2 = s.ephemeral(public(e_node))
    s.mix_key(dh(e_node, public(e_client)))
    act_2 += s.encrypt(b"")
    act_3 = s.encrypt(public(client))
    s.mix_key(dh(client, public(e_node)))
    s.mix_psk(psk)
    act_3 += s.encrypt(b"")
    to_node, to_client = (k[:32] for k in hkdf(s.ck, b"", 2))

    frames = []
    for n, (kind, body) in enumerate(bodies):
        for key, k in ((to_node, kind), (to_client, kind | 0x8000)):
            frames.append({"from": "client" if k < 0x8000 else "node", "kind": k, "tag": 7 + n,
                           "body": body.hex(), "frame": frame(key, n, k, 7 + n, body).hex()})
    return {
        "node_secret": node.hex(), "node_key": public(node).hex(),
        "client_secret": client.hex(), "client_key": public(client).hex(),
        "psk": psk.hex(), "role": role, "id": cred.hex(),
        "client_ephemeral": e_client.hex(), "node_ephemeral": e_node.hex(),
        "hello": (hello + gate(public(node), hello, act_1)).hex(),
        "act_1": act_1.hex(), "act_2": act_2.hex(), "act_3": act_3.hex(),
        "handshake_hash": s.h.hex(), "to_node": to_node.hex(), "to_client": to_client.hex(),
        "frames": frames,
    }


def main():
    value = {
        "about": "Whole conversations: hello, the three acts, frames; see docs/PROTOCOL.md.",
        "conversations": [conversation("one", 1, [(1, b""), (2, b"\x80")]),
                          conversation("two", 4, [(41, made_up("body", 64) * 4)])],
    }
    text = json.dumps(value, indent=1) + "\n"
    if "--check" not in sys.argv:
        FILE.write_text(text)
        return 0
    if FILE.read_text() != text:
        print(f"{FILE.name} differs from what is computed", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
