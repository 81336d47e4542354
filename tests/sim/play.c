/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/play.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/sim/dirs.h"

enum { PATH = 256, PRINTED = 262144, FILES = 4, WORDS_LINE = 64 };

const char *const play_names[NET_NODES] = {
    "Ben", "Cy",  "Dora", "Eli", "Fay", "Gus", "Hal", "Ida",
    "Jo",  "Kim", "Lea",  "Max", "Nia", "Ole", "Pia", "Quy",
};

static char files[FILES][PATH];

static struct {
    char dir[64];
    char out[PRINTED];
    char said[PRINTED];
    size_t n_files;
    char home[PATH];
    char saved[80];                /* "": nothing is */
    uint64_t saved_at[PLAY_SLOTS]; /* 0: not */
} play;

static const struct params params = {
    .now = net_now,
    .rng = NULL,      /* play_params */
    .round_ms = 4000, /* of no account without sockets */
};

const struct params *play_params(void)
{
    static struct params p;

    p = params;
    p.rng = net_rng();
    p.cost = cost_minimum;
    p.home_cost = cost_minimum;
    return &p;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void play_open(size_t n, uint64_t seed)
{
    net_open(n, seed);
    (void)snprintf(play.dir, sizeof play.dir, "/dev/shm/kith-play-XXXXXX"); /* fits */
    if (mkdtemp(play.dir) == NULL) {
        (void)snprintf(play.dir, sizeof play.dir, "/tmp/kith-play-XXXXXX"); /* fits */
        MUST(mkdtemp(play.dir) != NULL);
    }
}

void play_close(void)
{
    MUST(nftw(play.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
    if (play.saved[0] != 0)
        MUST(nftw(play.saved, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
    play.saved[0] = 0;
    memset(play.saved_at, 0, sizeof play.saved_at);
    net_close();
}

static const char *saved_part(size_t slot, const char *name)
{
    static char path[PATH];

    MUST(snprintf(path, PATH, "%s/%s%zu", play.saved, name, slot) < PATH);
    return path;
}

static void remove_all(const char *dir)
{
    MUST(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

void play_save(size_t slot)
{
    MUST(slot < PLAY_SLOTS);
    if (play.saved[0] == 0) {
        (void)snprintf(play.saved, sizeof play.saved, "%s-saved", play.dir); /* fits */
        MUST(mkdir(play.saved, 0700) == 0);
    }
    if (play.saved_at[slot] != 0) {
        remove_all(saved_part(slot, "homes"));
        remove_all(saved_part(slot, "nodes"));
    }
    dir_copy(play.dir, saved_part(slot, "homes"));
    net_save(saved_part(slot, "nodes"));
    play.saved_at[slot] = net_now();
}

void play_load(size_t slot, uint64_t seed)
{
    MUST(slot < PLAY_SLOTS && play.saved_at[slot] != 0);
    remove_all(play.dir);
    dir_copy(saved_part(slot, "homes"), play.dir);
    net_load(saved_part(slot, "nodes"), seed);
    net_chance(seed);
    net_time(play.saved_at[slot]);
}

const char *play_home(const char *who)
{
    MUST(snprintf(play.home, PATH, "%s/%s", play.dir, who) < PATH);
    return play.home;
}

void play_wait(uint64_t seconds)
{
    net_time(net_now() + seconds);
    net_tick();
}

/* ---- commands ---- */

static int run(const char *who, const char *const *words, int in)
{
    static struct ctx ctx;
    struct term term = { .passphrase_fd = -1, .in = in, .width = 80, .ask = in >= 0 };
    const char *argv[WORDS_LINE];
    int argc = 0;

    memset(play.out, 0, sizeof play.out);
    memset(play.said, 0, sizeof play.said);
    term.out = fmemopen(play.out, sizeof play.out - 1, "w");
    term.say = fmemopen(play.said, sizeof play.said - 1, "w");
    MUST(term.out != NULL && term.say != NULL);
    while (words[argc] != NULL && argc < WORDS_LINE - 1) {
        argv[argc] = words[argc];
        argc++;
    }
    if (in < 0)
        argv[argc++] = "--no-input";
    ctx = (struct ctx){ .params = play_params(),
                        .term = &term,
                        .home = play_home(who),
                        .tables = command_tables };
    int code = (int)cmd_run(&ctx, argc, argv);
    (void)fclose(term.out);
    (void)fclose(term.say);
    term_done(&term);
    return code;
}

int play_run(const char *who, const char *const *words)
{
    return run(who, words, -1);
}

int play_type(const char *who, const char *const *words, const char *lines)
{
    int ends[2];

    MUST(pipe(ends) == 0);
    MUST(write(ends[1], lines, strlen(lines)) == (ssize_t)strlen(lines));
    (void)close(ends[1]);
    int code = run(who, words, ends[0]);
    (void)close(ends[0]);
    return code;
}

void play_fine(const char *who, const char *const *words)
{
    int code = play_run(who, words);

    if (code == 0)
        return;
    (void)fprintf(stderr, "%s: kith %s %s ended with %d:\n%s", who, words[0],
                  words[1] != NULL ? words[1] : "", code, play.said);
    MUST(code == 0);
}

char *play_out(void)
{
    return play.out;
}

char *play_said(void)
{
    return play.said;
}

const char *play_file(const char *text)
{
    char *path = files[play.n_files++ % FILES];
    FILE *f = NULL;

    MUST(snprintf(path, PATH, "%s/file%zu", play.dir, play.n_files % FILES) < PATH);
    f = fopen(path, "w");
    MUST(f != NULL);
    MUST(fprintf(f, "%s\n", text) > 0 && fclose(f) == 0);
    return path;
}

void play_line(char *out, size_t cap)
{
    size_t n = strcspn(play.out, "\n");

    MUST(n > 0 && n < cap);
    memcpy(out, play.out, n);
    out[n] = 0;
}

/* ---- the journey ---- */

static bool has_home(const char *who)
{
    return access(play_home(who), F_OK) == 0;
}

void play_guardian(size_t i)
{
    struct link link = { .type = LINK_OPERATOR };
    char text[LINK_TEXT];

    net_key(i, link.node_key);
    rng_fill(net_rng(), link.token, sizeof link.token);
    net_address(i, &link.address);
    net_operator(i, BYTES_OF(link.token));
    MUST(link_format(&link, text, sizeof text) == OK);
    KITH_FINE(play_names[i], "guard", "setup", "--link-file", play_file(text), "--name",
              play_names[i], "--no-passphrase");
}

static void ward_of(const char *owner, size_t i)
{
    const char *g = play_names[i];
    char line[WORDS_TEXT + LINK_TEXT];
    char reach[32];

    (void)snprintf(reach, sizeof reach, "+49 30 555 01%02zu", i); /* fits */
    KITH_FINE(g, "guard", "invite");
    play_line(line, sizeof line);
    KITH_FINE(owner, "guardian", "add", g, line, "--reach", reach, "--contact",
              "the kitchen phone");
    KITH_FINE(owner, "guardian", "confirm", g);
    play_line(line, sizeof line);
    KITH_FINE(g, "guard", "confirm", owner, "--words-file", play_file(line), "--verified",
              "called");
    play_line(line, sizeof line);
    KITH_FINE(owner, "guardian", "confirm", g, "--answer-file", play_file(line));
}

void play_ward(const char *owner, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ward_of(owner, i);
}

void play_circle(const char *owner, size_t n, unsigned k, const char *hold)
{
    char need[12];

    for (size_t i = 0; i < n; i++)
        if (!has_home(play_names[i]))
            play_guardian(i);
    KITH_FINE(owner, "init", "--name", owner, "--no-passphrase");
    play_ward(owner, n);
    (void)snprintf(need, sizeof need, "%u", k); /* fits */
    KITH_FINE(owner, "circle", "plan", "-k", need, "--hold", hold, "--about-me",
              "Ask me what we called the boat.");
    KITH_FINE(owner, "circle", "seal");
}

/* ---- a guardian with a program of their own ---- */

static void open_home(const char *who, struct day **out_day, struct unlocked **out_root)
{
    struct home h = { .dir = -1, .lock = -1 };

    MUST(home_open(play_home(who), HOME_READ, &h) == OK);
    MUST(home_day_load(&h, out_day) == OK);
    MUST(home_root_unlock(&h, NULL, out_root) == OK);
    home_close(&h);
}

static const struct day_ward *ward_named(const struct day *d, const char *owner)
{
    for (size_t i = 0; i < d->n_wards; i++)
        if (bytes_equal(d->wards[i].label, bytes_text(owner)))
            return &d->wards[i];
    MUST(false);
    return NULL;
}

void play_sit(size_t i, const char *owner, struct play_guardian *out)
{
    struct unlocked *root = NULL;
    struct guard_who *w = &out->who;

    *out = (struct play_guardian){ .node = i };
    open_home(play_names[i], &out->day, &root);
    MUST(secret_new(&out->keys) == OK && secret_new(&out->approval) == OK);
    MUST(ident_guardian(&root->root, out->keys) == OK);
    const struct day_ward *ward = ward_named(out->day, owner);
    MUST(ident_approval(&root->root, ward->seat, ward->invite, out->approval) == OK);
    secret_free(root);
    memcpy(out->ward, ward->ward, ID_BYTES);
    w->keys = out->keys;
    w->approval = out->approval;
    crypt_sign_public(&out->keys->sign, w->sign_pub);
    crypt_dh_public(&out->keys->seal, w->seal_pub);
    crypt_sign_public(out->approval, w->approval_pub);
    memcpy(w->seat, ward->seat, SEAT_BYTES);
    net_key(i, w->node_key);
    memcpy(w->circle, ward->circle, ID_BYTES);
    memcpy(w->owner, ward->owner, PUB_BYTES);
}

void play_rise(struct play_guardian *g)
{
    secret_free(g->keys);
    secret_free(g->approval);
    day_free(g->day);
    *g = (struct play_guardian){ 0 };
}

struct day_seat *play_seat(struct play_guardian *g)
{
    MUST(g->day->n_seats == 1);
    return &g->day->seats[0];
}

void play_link(struct play_guardian *g, struct link *out)
{
    const struct params *p = play_params();
    struct req_cred_new req = { .type = CRED_RESTORE, .expires = net_now() + 86400 };
    struct rep_cred_new rep = { 0 };
    struct credential cred = { 0 };
    struct call call = { 0 };

    *out = (struct link){ .type = LINK_RESTORE };
    memcpy(out->node_key, g->who.node_key, PUB_BYTES);
    rng_fill(p->rng, out->token, TOKEN_BYTES);
    ident_fingerprint(g->who.sign_pub, g->who.seal_pub, out->fp);
    net_address(g->node, &out->address);
    ident_credential(BYTES_OF(out->token), &cred);
    rng_fill(p->rng, req.op, ID_BYTES);
    memcpy(req.ward, g->ward, ID_BYTES);
    memcpy(req.id, cred.id, ID_BYTES);
    memcpy(req.psk, cred.psk.b, KEY_BYTES);
    MUST(guard_send(p, play_seat(g), MSG_CRED_NEW, &req, &rep, sizeof rep, &call) == OK);
}

enum words_verdict play_judge(struct play_guardian *g, const uint8_t request[ID_BYTES],
                              struct bytes words, struct guard_case *out,
                              uint8_t out_try[ID_BYTES])
{
    AUTO_SECRET struct guard_verdict *v = NULL;
    const struct params *p = play_params();
    struct req_try req = { 0 };
    struct rep_try rep = { 0 };
    struct call call = { 0 };
    uint16_t typed[WORDS_CALL];
    uint8_t t[SIGNED_MAX];
    struct buf b = BUF_OF(t);

    MUST(secret_new(&v) == OK && words_parse(words, WORDS_CALL, typed) == OK);
    MUST(guard_fetch(p, g->day, play_seat(g), request, out, &call) == OK);
    rng_fill(p->rng, out_try, ID_BYTES);
    memcpy(req.op, out_try, ID_BYTES);
    memcpy(req.request, request, ID_BYTES);
    MUST(guard_send(p, play_seat(g), MSG_TRY, &req, &rep, sizeof rep, &call) == OK);
    MUST(guard_transcript(out, &g->who, &b) == OK);
    MUST(guard_judge(typed, buf_bytes(&b), out->rep.nonce, p->cost, v) == OK);
    return v->verdict;
}
