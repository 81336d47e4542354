/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/tls.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

enum { TURNS = 10 };

static SSL_CTX *client_ctx, *server_ctx;

static void must(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bench_handshake: openssl: %s\n", what);
    exit(1);
}

static X509 *self_signed(EVP_PKEY *key, const char *name)
{
    X509 *cert = X509_new();

    must(cert != NULL && X509_set_version(cert, X509_VERSION_3), "certificate");
    must(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1), "serial");
    must(X509_gmtime_adj(X509_getm_notBefore(cert), -3600) != NULL, "from");
    must(X509_gmtime_adj(X509_getm_notAfter(cert), 3600) != NULL, "to");
    must(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                                    (const unsigned char *)name, -1, -1, 0),
         "name");
    must(X509_set_issuer_name(cert, X509_get_subject_name(cert)), "issuer");
    must(X509_set_pubkey(cert, key) && X509_sign(cert, key, NULL) > 0, "signature");
    return cert;
}

/* A context with a certificate of its own, which is returned. */
static X509 *equip(SSL_CTX **out_ctx, const char *name)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    X509 *cert = self_signed(key, name);

    must(ctx != NULL && SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION), "TLS 1.3");
    must(SSL_CTX_set1_groups_list(ctx, "X25519") == 1, "X25519");
    must(SSL_CTX_set_ciphersuites(ctx, "TLS_CHACHA20_POLY1305_SHA256"), "suite");
    must(SSL_CTX_use_certificate(ctx, cert) && SSL_CTX_use_PrivateKey(ctx, key), "key");
    must(SSL_CTX_set_num_tickets(ctx, 0) == 1, "tickets");
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    EVP_PKEY_free(key);
    *out_ctx = ctx;
    return cert;
}

void tls_start(void)
{
    X509 *client = equip(&client_ctx, "client");
    X509 *server = equip(&server_ctx, "server");

    must(X509_STORE_add_cert(SSL_CTX_get_cert_store(client_ctx), server), "trust");
    must(X509_STORE_add_cert(SSL_CTX_get_cert_store(server_ctx), client), "trust");
    X509_free(client);
    X509_free(server);
}

void tls_handshake(void)
{
    SSL *client = SSL_new(client_ctx);
    SSL *server = SSL_new(server_ctx);
    BIO *a = NULL;
    BIO *b = NULL;

    must(client != NULL && server != NULL && BIO_new_bio_pair(&a, 0, &b, 0), "pair");
    SSL_set_bio(client, a, a);
    SSL_set_bio(server, b, b);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    for (int i = 0; i < TURNS && !SSL_is_init_finished(server); i++) {
        (void)SSL_do_handshake(client); /* -1 until the other has answered */
        (void)SSL_do_handshake(server);
    }
    must(SSL_is_init_finished(client) && SSL_is_init_finished(server), "handshake");
    must(SSL_get_verify_result(client) == X509_V_OK, "server's certificate");
    must(SSL_get_verify_result(server) == X509_V_OK, "client's certificate");
    must(SSL_get0_peer_certificate(server) != NULL, "no client certificate");
    SSL_free(client);
    SSL_free(server);
}

void tls_end(void)
{
    SSL_CTX_free(client_ctx);
    SSL_CTX_free(server_ctx);
}
