/* SPDX-License-Identifier: Apache-2.0 */
/*
 * People in one process: homes in a directory of memory, kith's commands run as from a
 * shell, nodes of tests/sim/net behind them. Chance comes from the seed, the clock is
 * net's. Fails the test on what cannot go wrong.
 */
#ifndef KITH_TESTS_SIM_PLAY_H
#define KITH_TESTS_SIM_PLAY_H

#include "client/ceremony_restore.h"
#include "client/guard.h"
#include "tests/sim/net.h"

extern const char *const play_names[NET_NODES]; /* the guardian of node i */

/* n nodes and an empty directory for homes; all gone after play_close. */
void play_open(size_t n, uint64_t seed);
void play_close(void);
const struct params *play_params(void);
/* The home of a person. */
const char *play_home(const char *who);

enum { PLAY_SLOTS = 16 };

/* All homes and nodes as they are now, in a place of that number; */
void play_save(size_t slot);
/* and back to that, with chance that begins at a seed. */
void play_load(size_t slot, uint64_t seed);
/* Moves the clock and lets the nodes do what they do each minute. */
void play_wait(uint64_t seconds);

/* ---- commands ---- */

/* kith with these words (NULL ends them) and --no-input in that person's home. */
int play_run(const char *who, const char *const *words);
#define KITH(who, ...) play_run((who), (const char *const[]){ __VA_ARGS__, NULL })
/* The same; fails the test with what was said unless it ends with 0. */
void play_fine(const char *who, const char *const *words);
#define KITH_FINE(who, ...) play_fine((who), (const char *const[]){ __VA_ARGS__, NULL })
/* What the last command printed and said, final zero; valid until the next one. */
char *play_out(void);
char *play_said(void);
/* A file of one line; its path is valid until the next call but three. */
const char *play_file(const char *text);
/* The answer's first line without its end, copied to out. */
void play_line(char *out, size_t cap);
/* Like play_run, typed at a terminal: lines answer the prompts. */
int play_type(const char *who, const char *const *words, const char *lines);

/* ---- the journey to a sealed circle ---- */

/* The guardian of node i takes their seat. */
void play_guardian(size_t i);
/* owner is a ward of the first n guardians, confirmed on both sides. */
void play_ward(const char *owner, size_t n);
/* All of it: guardians where they are missing, init, wards, plan, seal. */
void play_circle(const char *owner, size_t n, unsigned k, const char *hold);

/* ---- a guardian with a program of their own ---- */

/* Keys in secret memory; ends with play_rise. */
struct play_guardian {
    size_t node;
    struct day *day;
    struct guardian_keys *keys;
    struct sign_seed *approval;
    struct guard_who who;
    uint8_t ward[ID_BYTES];
};

/* The guardian of node i, about that owner's ward. */
void play_sit(size_t i, const char *owner, struct play_guardian *out);
void play_rise(struct play_guardian *g);
struct day_seat *play_seat(struct play_guardian *g);
/* A fresh restore link, deposited at the node. */
void play_link(struct play_guardian *g, struct link *out);
/* Fetches and counts a try with these words; what they were worth. */
enum words_verdict play_judge(struct play_guardian *g, const uint8_t request[ID_BYTES],
                              struct bytes words, struct guard_case *out,
                              uint8_t out_try[ID_BYTES]);

#endif
