/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of cmd_guard share: the desk, which is a guardian's home with all
 * that the nodes of its seats said in one round. Records problems as handlers do.
 */
#ifndef KITH_CLIENT_CMD_GUARD_PART_H
#define KITH_CLIENT_CMD_GUARD_PART_H

#include "client/guard.h"

enum { NAME_TEXT = NAME_MAX_BYTES + 1, ID_TEXT = 2 * ID_BYTES + 1 };

/* A root before this one and its guardian keys; secret memory. */
struct desk_former {
    struct root_key root;
    struct guardian_keys keys;
};

struct desk {
    struct ctx *ctx;
    struct term *t;
    struct home home;
    struct day *day;
    struct guard *guard;        /* after desk_look */
    struct unlocked *root;      /* after desk_unlock; secret */
    struct guardian_keys *keys; /* the same */
    bool listed[DAY_SEATS];     /* after desk_look: the vault says that it has its root */
    bool looked;                /* for former roots, in the vault */
    struct desk_former *formers[DAY_SEATS]; /* by seat: whose it is, or NULL; secret */
};

void desk_end(struct desk *d);
#define AUTO_DESK __attribute__((cleanup(desk_end)))

/* Home and day box; ERR_UNKNOWN (5) where the person has no seat yet. */
enum err desk_open(struct ctx *ctx, struct desk *out);
/* The root and the guardian's keys, with the passphrase; fine when repeated. */
enum err desk_unlock(struct desk *d);

/* What a seat's own keys are good for. */
enum desk_place {
    PLACE_PRESENT, /* they are those of the root that is here */
    PLACE_FORMER,  /* of a root before it, which the vault keeps */
    PLACE_LOST     /* they are not to be had */
};

/* As far as it is known: what the vault says, and with the passphrase what it has. */
enum desk_place desk_place(const struct desk *d, size_t seat);
/*
 * Unlocks, and gets the former root of an old seat out of the vault. ERR_KEY: it is not
 * there. Records nothing for that.
 */
enum err desk_unlock_seat(struct desk *d, size_t seat);
/* The root whose seat it is, and its guardian keys; after desk_unlock_seat. */
const struct root_key *desk_root(const struct desk *d, size_t seat);
const struct guardian_keys *desk_keys(const struct desk *d, size_t seat);
/* Why the keys of a lost place are not there, for a person. */
const char *desk_lost_why(const struct desk *d, size_t seat);
/*
 * Old seats at the node of a present one: those the day knows get conversation keys of
 * the root that is here, those it does not know are looked for with the roots of the
 * vault. What does not work stays as it is. After desk_unlock; saves.
 */
enum err desk_old_seats(struct desk *d, const struct day_seat *at);
/* Notes for each old seat whether the vault says that it has its root. ERR_NOMEM only. */
enum err desk_list_formers(struct desk *d);
/*
 * One round to all seats; saves what they said. Opens notes of new wards where no person
 * has to be asked for a passphrase. All away: ERR_UNREACHABLE (13).
 */
enum err desk_look(struct desk *d, enum guard_scope scope);
/* True if desk_unlock asks nobody for a passphrase. */
bool desk_keys_at_hand(struct desk *d);
/* Records that no node answered. ERR_UNREACHABLE (13). */
enum err desk_all_away(struct desk *d);
/* Opens the notes of new wards, asking for the passphrase if it must; saves. */
enum err desk_read_notes(struct desk *d);
/* Says which nodes are away and sets exit 3, or nothing. */
void desk_say_away(struct desk *d);

/* Says until when the person said to be away, and where; and which clocks wait. */
void desk_say_paused(struct desk *d);

/* "Ana", or "the ward 1a2b3c4d" while its note was never opened. */
void desk_name(const struct desk *d, size_t seat, const uint8_t ward[ID_BYTES],
               char out[NAME_TEXT]);
/* Who opens a piece of that ward; after desk_unlock_seat. approval outlives out. */
void desk_who(const struct desk *d, size_t seat, const struct day_ward *ward,
              const struct sign_seed *approval, struct guard_who *out);
/* Whether this guardian confirmed the ward, under the root that it has now. */
bool desk_confirmed(const struct desk *d, const struct guard_ward *w);
/* The request or ward typed names. ERR_UNKNOWN (5), or 13 where nodes are away. */
enum err desk_request(struct desk *d, const char *typed, struct guard_request **out);

/* Whom a name means where two bear it, at an old place and a new one: whoever can be
 * helped, whoever asks; or it is ambiguous. */
enum desk_name_of { NAME_OF_HELPED, NAME_OF_ASKING, NAME_OF_KEPT };

enum err desk_ward(struct desk *d, const char *typed, enum desk_name_of how,
                   const struct guard_ward **out);
/* Records why this guardian cannot help the ward any more: left, or keys lost. OK. */
enum err desk_can_help(struct desk *d, const struct guard_ward *w);
/* The confirm request that a request id or a ward names. */
enum err desk_confirm(struct desk *d, const char *typed, struct guard_request **out);
/* Records why a message to a seat failed; e as guard_send returned it. */
enum err desk_failed(struct desk *d, const struct day_seat *s, const struct call *c,
                     enum err e);
/* First eight digits of an id. */
void id_short(const uint8_t id[ID_BYTES], char out[9]);

/* A restore link's spoken form, and what its node must know of it; secret memory. */
struct guard_spoken {
    struct spoken_code code;
    uint8_t id[ID_BYTES];
    uint8_t gate[KEY_BYTES];
    uint8_t answer[SPOKEN_ANSWER];
};

/* Draws a code that leads to link; takes a memory-hard hash. ERR_NOMEM. */
enum err guard_speak(const struct params *p, const struct link *link,
                     struct guard_spoken *out);
/* How to read a code aloud. */
void guard_say_code(struct term *t, const char *code);

enum { GUARD_WAYS_MAX = 256 };

/* All links, codes and sheets of that ward end now. Records problems. */
enum err guard_ways_end(struct desk *d, const struct guard_ward *w);

/* Command handlers of the other parts. */
enum err guard_cmd_setup(struct ctx *ctx);
enum err guard_cmd_approve(struct ctx *ctx);
enum err guard_cmd_confirm(struct ctx *ctx);
enum err guard_cmd_refuse(struct ctx *ctx);
enum err guard_cmd_unlock(struct ctx *ctx);
enum err guard_cmd_invite(struct ctx *ctx);
enum err guard_cmd_host(struct ctx *ctx);
enum err guard_cmd_link(struct ctx *ctx);
enum err guard_cmd_requests(struct ctx *ctx);
enum err guard_cmd_show(struct ctx *ctx);
enum err guard_cmd_wards(struct ctx *ctx);
enum err guard_cmd_freeze(struct ctx *ctx);
enum err guard_cmd_pause(struct ctx *ctx);
enum err guard_cmd_resume(struct ctx *ctx);
enum err guard_cmd_leave(struct ctx *ctx);
enum err guard_cmd_reset(struct ctx *ctx);
enum err guard_cmd_log(struct ctx *ctx);
enum err guard_cmd_clock(struct ctx *ctx);
enum err guard_cmd_drill(struct ctx *ctx);
/* What a request wants, said after a name: "asks for the piece back". */
const char *guard_asks_for(const struct request_line *l);
/* The requests of the last look, as a list or as kith.requests/1. */
void guard_list(struct desk *d);
/* The screen for one request: who asks, what to do, the words. */
enum err guard_sit(struct desk *d, const struct guard_request *r);

#endif
