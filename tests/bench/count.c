/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a program: how many TCP sockets it opens, how often and how long it is
 * in Argon2id, how many bytes pass through the sockets. At its end it appends "sockets
 * runs microseconds bytes" to $BENCH_COUNT.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

typedef int pwhash(unsigned char *, unsigned long long, const char *, unsigned long long,
                   const unsigned char *, unsigned long long, size_t, int);
typedef int opener(int, int, int);
typedef int closer(int);
typedef ssize_t reader(int, void *, size_t);
typedef ssize_t writer(int, const void *, size_t);
typedef ssize_t gatherer(int, const struct iovec *, int);

enum { DESCRIPTORS = 1024 };

pwhash crypto_pwhash;

static unsigned sockets, runs;
static unsigned long long moved;
static char is_tcp[DESCRIPTORS];
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
    int tcp = domain == AF_INET && (type & SOCK_STREAM) != 0;
    int fd = real(domain, type, protocol);
    sockets += (unsigned)tcp;
    if (fd >= 0 && fd < DESCRIPTORS)
        is_tcp[fd] = (char)tcp;
    return fd;
}

static ssize_t count(int fd, ssize_t n)
{
    if (n > 0 && fd >= 0 && fd < DESCRIPTORS && is_tcp[fd])
        moved += (unsigned long long)n;
    return n;
}

int close(int fd)
{
    closer *real = NULL;

    next("close", &real, sizeof real);
    if (fd >= 0 && fd < DESCRIPTORS)
        is_tcp[fd] = 0;
    return real(fd);
}

ssize_t read(int fd, void *out, size_t n)
{
    reader *real = NULL;

    next("read", &real, sizeof real);
    return count(fd, real(fd, out, n));
}

ssize_t write(int fd, const void *in, size_t n)
{
    writer *real = NULL;

    next("write", &real, sizeof real);
    return count(fd, real(fd, in, n));
}

ssize_t writev(int fd, const struct iovec *in, int n)
{
    gatherer *real = NULL;

    next("writev", &real, sizeof real);
    return count(fd, real(fd, in, n));
}

static __attribute__((destructor)) void tell(void)
{
    const char *place = getenv("BENCH_COUNT");
    FILE *f = place == NULL ? NULL : fopen(place, "ae");

    if (f == NULL)
        return;
    (void)fprintf(f, "%u %u %.0f %llu\n", sockets, runs, in_argon2id_us, moved);
    (void)fclose(f); /* a missing line is seen by the script */
}
