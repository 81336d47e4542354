/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks for needles in files, whole directories and the memory of processes.
 *
 *     scan NEEDLES TARGET…      a target is a path or pid:NUMBER
 *
 * A line of NEEDLES is "label<TAB>hex". Of needles of 32 bytes and more every half is
 * looked for too. Prints "label: target" for each hit and how much was read. 0: none;
 * 1: hits; 2: something could not be read.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/bytes.h"

enum { NEEDLES = 256, LONGEST = 256, CHUNK = 1 << 20, PATH = 1024 };

struct needle {
    char label[64];
    uint8_t b[LONGEST];
    size_t n;
};

struct scan {
    struct needle needles[NEEDLES];
    size_t n;
    uint64_t read;
    unsigned hits;
    uint8_t mem[CHUNK + LONGEST];
};

static bool add(struct scan *s, const char *label, struct bytes needle)
{
    if (s->n == NEEDLES || needle.n > LONGEST || needle.n < 4)
        return false;
    struct needle *to = &s->needles[s->n++];

    (void)snprintf(to->label, sizeof to->label, "%s", label); /* a long one is cut */
    memcpy(to->b, needle.p, needle.n);
    to->n = needle.n;
    return true;
}

static bool read_needle(struct scan *s, char *line)
{
    uint8_t raw[LONGEST];
    char *tab = strchr(line, '\t');

    line[strcspn(line, "\n")] = '\0';
    if (tab == NULL || strlen(tab + 1) > 2 * sizeof raw)
        return false;
    *tab = '\0';
    struct span to = { raw, strlen(tab + 1) / 2 };

    if (hex_decode(bytes_text(tab + 1), to) != OK)
        return false;
    if (to.n < 32)
        return add(s, line, bytes_of(raw, to.n));
    return add(s, line, bytes_of(raw, to.n / 2)) &&
           add(s, line, bytes_of(raw + to.n / 2, to.n - to.n / 2));
}

static bool read_needles(struct scan *s, const char *path)
{
    char line[2 * LONGEST + 100];
    FILE *f = fopen(path, "r");
    bool good = f != NULL;

    while (good && fgets(line, sizeof line, f) != NULL)
        good = read_needle(s, line);
    if (f != NULL)
        (void)fclose(f); /* was only read */
    return good && s->n > 0;
}

static void look(struct scan *s, size_t n, const char *where)
{
    for (size_t i = 0; i < s->n; i++) {
        if (memmem(s->mem, n, s->needles[i].b, s->needles[i].n) == NULL)
            continue;
        (void)printf("%s: %s\n", s->needles[i].label, where); /* the count tells too */
        s->hits++;
    }
}

/* From here to there, what can be read; the end of a piece is kept for the next. */
static void scan_range(struct scan *s, int fd, uint64_t from, uint64_t to,
                       const char *where)
{
    size_t kept = 0;

    while (from < to) {
        size_t want = to - from < CHUNK ? (size_t)(to - from) : CHUNK;
        ssize_t n = pread(fd, s->mem + kept, want, (off_t)from);

        if (n <= 0)
            return; /* a hole, or behind the end of a mapped file */
        look(s, kept + (size_t)n, where);
        s->read += (uint64_t)n;
        from += (uint64_t)n;
        size_t have = kept + (size_t)n;

        kept = have < LONGEST ? have : LONGEST;
        memmove(s->mem, s->mem + have - kept, kept);
    }
}

static bool scan_file(struct scan *s, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return false;
    scan_range(s, fd, 0, UINT64_MAX, path);
    (void)close(fd); /* was only read */
    return true;
}

static bool scan_path(struct scan *s, const char *path)
{
    char below[PATH];
    struct stat st = { 0 };
    bool good = true;

    if (lstat(path, &st) != 0)
        return false;
    if (!S_ISDIR(st.st_mode))
        return S_ISREG(st.st_mode) ? scan_file(s, path) : true;
    DIR *d = opendir(path);

    for (struct dirent *e = d ? readdir(d) : NULL; e != NULL; e = readdir(d)) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        good = snprintf(below, sizeof below, "%s/%s", path, e->d_name) < PATH && good;
        good = scan_path(s, below) && good;
    }
    if (d != NULL)
        (void)closedir(d); /* was only read */
    return d != NULL && good;
}

static bool scan_process(struct scan *s, const char *pid)
{
    char path[64];
    char line[512];
    uint64_t from;
    uint64_t to;

    (void)snprintf(path, sizeof path, "/proc/%s/maps", pid); /* a pid is short */
    FILE *maps = fopen(path, "r");

    (void)snprintf(path, sizeof path, "/proc/%s/mem", pid); /* as above */
    int mem = open(path, O_RDONLY | O_CLOEXEC);
    bool good = maps != NULL && mem >= 0;

    while (good && fgets(line, sizeof line, maps) != NULL)
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " r", &from, &to) == 2)
            scan_range(s, mem, from, to, path);
    if (maps != NULL)
        (void)fclose(maps); /* was only read */
    if (mem >= 0)
        (void)close(mem); /* was only read */
    return good;
}

int main(int argc, char **argv)
{
    static struct scan s;

    if (argc < 3 || !read_needles(&s, argv[1])) {
        (void)fprintf(stderr, "scan: NEEDLES cannot be read\n");
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        bool good = strncmp(argv[i], "pid:", 4) == 0 ? scan_process(&s, argv[i] + 4)
                                                     : scan_path(&s, argv[i]);

        if (!good) {
            (void)fprintf(stderr, "scan: %s cannot be read\n", argv[i]);
            return 2;
        }
    }
    (void)printf("%zu needles, %" PRIu64 " bytes, %u hits\n", s.n, s.read, s.hits);
    return s.hits == 0 ? 0 : 1;
}
