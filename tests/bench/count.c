/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a program: how many TCP sockets it opens, how often and how long it is
 * in Argon2id. At its end it appends "sockets runs microseconds" to $BENCH_COUNT.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

typedef int pwhash(unsigned char *, unsigned long long, const char *, unsigned long long,
                   const unsigned char *, unsigned long long, size_t, int);
typedef int opener(int, int, int);

pwhash crypto_pwhash;

static unsigned sockets, runs;
static double in_argon2id_us;

/* ISO C has no cast from an object's address to a function's. */
static void next(const char *name, void *out, size_t n)
{
    void *symbol = dlsym(RTLD_NEXT, name);

    if (symbol == NULL || n != sizeof symbol)
        abort();
    __builtin_memcpy(out, &symbol, n);
}

static double now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* this clock always is there */
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int crypto_pwhash(unsigned char *out, unsigned long long out_n, const char *passwd,
                  unsigned long long passwd_n, const unsigned char *salt,
                  unsigned long long passes, size_t mem, int alg)
{
    pwhash *real = NULL;
    double from = now_us();

    next("crypto_pwhash", &real, sizeof real);
    int code = real(out, out_n, passwd, passwd_n, salt, passes, mem, alg);
    in_argon2id_us += now_us() - from;
    runs++;
    return code;
}

int socket(int domain, int type, int protocol)
{
    opener *real = NULL;

    next("socket", &real, sizeof real);
    sockets += domain == AF_INET && (type & SOCK_STREAM) != 0;
    return real(domain, type, protocol);
}

static __attribute__((destructor)) void tell(void)
{
    const char *place = getenv("BENCH_COUNT");
    FILE *f = place == NULL ? NULL : fopen(place, "ae");

    if (f == NULL)
        return;
    (void)fprintf(f, "%u %u %.0f\n", sockets, runs, in_argon2id_us);
    (void)fclose(f); /* a missing line is seen by the script */
}
