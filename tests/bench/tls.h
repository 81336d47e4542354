/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL's TLS 1.3 with both sides authenticated, in memory: X25519, Ed25519
 * certificates, no tickets. Beside nothing of proto/: both have an ERR_STATE.
 */
#ifndef KITH_TESTS_BENCH_TLS_H
#define KITH_TESTS_BENCH_TLS_H

/* Makes keys, certificates and contexts; exits if that fails. */
void tls_start(void);
/* One whole handshake, both sides; exits unless each has verified the other. */
void tls_handshake(void);
void tls_end(void);

#endif
