/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A home whose files hold anything. The first byte chooses the file; an odd one mends
 * header and checksum first, so that what lies behind them is reached.
 */
#include <fcntl.h>
#include <ftw.h>
#include <unistd.h>

#include "client/home.h"

enum { HEAD = 76, CHECK = 32 };

static char base[] = "/tmp/kith-fuzz-home-XXXXXX";
static struct home home = { .dir = -1, .lock = -1 };

static int sweep(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static void finish(void)
{
    home_close(&home);
    (void)nftw(base, sweep, 8, FTW_DEPTH | FTW_PHYS);
}

static void begin(void)
{
    MUST(secret_start(SECRET_LOCK_WAIVED) == OK);
    MUST(mkdtemp(base) != NULL && home_open(base, HOME_MAKE, &home) == OK);
    MUST(atexit(finish) == 0);
}

static void mend(uint8_t *p, size_t n, char letter)
{
    static const uint8_t front[] = { 'K', 'I', 'T', 'H', 0, 1 };
    if (n < HEAD + CHECK)
        return;
    memcpy(p, front, sizeof front);
    p[4] = (uint8_t)letter;
    /* Argon2id at the cost asked for would be all the fuzzer does. */
    store_u32(p + 8, load_u32(p + 8) % 3);
    store_u64(p + 12, 8192 * (p[19] % 2));
    uint32_t open = load_u32(p + 68) % (uint32_t)(n - HEAD - CHECK + 1);
    store_u32(p + 68, open);
    store_u32(p + 72, (uint32_t)(n - HEAD - CHECK) - open);
    crypt_hash(LABEL_HOME_CHECK, PARTS(bytes_of(p, n - CHECK)),
               (struct span){ p + n - CHECK, CHECK });
}

static void put(const char *name, const uint8_t *p, size_t n)
{
    int fd = openat(home.dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    MUST(fd >= 0 && write(fd, p, n) == (ssize_t)n && close(fd) == 0);
}

static void read_day(void)
{
    AUTO_DAY struct day *d = NULL;
    AUTO_BLOB struct home_blob b = { 0 };
    if (home_day_load(&home, &d) == OK)
        MUST(day_encode(d, &b) == OK);
}

static void read_sealed(enum home_file which)
{
    static const struct passphrase pass = { .b = "p", .n = 1 };
    AUTO_SECRET struct home_key *key = NULL;
    AUTO_SECRET struct unlocked *u = NULL;
    AUTO_BLOB struct home_blob open = { 0 };
    (void)home_lock_of(&home, which);
    (void)home_read_open(&home, which, &open);
    if (which == HOME_ROOT)
        (void)home_root_unlock(&home, &pass, &u);
    else
        (void)home_key_open(&home, which, &pass, &key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        const char *name;
        char letter;
    } files[] = {
        [HOME_DAY] = { "day", 'd' },         [HOME_ROOT] = { "root", 'r' },
        [HOME_JOURNAL] = { "journal", 'j' }, [HOME_RESTORE] = { "restore", 's' },
        [HOME_HELD] = { "held", 'h' },       [HOME_CARDS] = { "cards", 'c' },
        [HOME_CHECK] = { "check", 'k' },     [HOME_MOVE] = { "move", 'm' },
        [HOME_DEVICE] = { "device", 'v' },
    };

    _Static_assert(sizeof files / sizeof files[0] == HOME_FILES, "each file of a home");
    static uint8_t copy[1 << 16];
    if (home.dir < 0)
        begin();
    if (size < 1 || size > sizeof copy)
        return 0;
    size_t which = (data[0] >> 1) % HOME_FILES;
    memcpy(copy, data + 1, size - 1);
    if ((data[0] & 1) != 0)
        mend(copy, size - 1, files[which].letter);
    put(files[which].name, copy, size - 1);
    if (which == HOME_DAY)
        read_day();
    else
        read_sealed((enum home_file)which);
    /* The bare records too, without the file around them. */
    AUTO_DAY struct day *d = NULL;
    (void)!day_decode(bytes_of(data + 1, size - 1), &d);
    return 0;
}
