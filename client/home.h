/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The home of one person: a directory of mode 0700 with a lock and four files, each
 * written whole or not at all (temporary file, sync, rename, sync of the directory).
 * A file that is damaged, foreign or of a later version is an error and stays as it
 * is. What will hurt you: the day box is readable for whoever can read the disk; its
 * copy in memory is wiped after use, but not locked.
 */
#ifndef KITH_CLIENT_HOME_H
#define KITH_CLIENT_HOME_H

#include "client/term.h"
#include "proto/bytes.h"
#include "proto/crypt.h"
#include "proto/err.h"
#include "proto/ident.h"
#include "proto/piece.h"
#include "proto/secret.h"
#include "proto/wire.h"

enum home_file {
    HOME_DAY,     /* what an unlocked device holds: struct day */
    HOME_ROOT,    /* the root, under the passphrase */
    HOME_JOURNAL, /* a seal in progress: open part, and secrets under the root */
    HOME_RESTORE, /* a restore in progress: open part, and keys under a passphrase */
    HOME_HELD,    /* what the nodes were seen to hold of the vault: open part */
    HOME_CARDS,   /* pieces that go on paper, under the root, until they were read back */
    HOME_CHECK,   /* what each node must hold of the circle: open part, no secrets */
    HOME_MOVE, /* a new root in progress: open part, and both roots, locked as the root */
    HOME_DEVICE, /* in no home: what a further machine is given (client/device) */
    HOME_FILES
};

enum {
    HOME_PATH = 1024, /* longest path of a home, with its final zero */
    /* Bytes of one file; half of it may be sealed: all that 64 guardians, liars too, can
       make a restore keep. */
    HOME_FILE_MAX = 20 * 1024 * 1024,
    DAY_GUARDIANS = PIECES_MAX,
    DAY_SEATS = 64,
    DAY_INVITES = 256,
    DAY_FORMERS = 16,
    DAY_WARDS = 256,
    DAY_DEVICES = 16,
    DAY_HANDLERS = 8, /* programs that are told of alerts */
    DAY_HANDLER_MAX = 512
};

/* ---- the directory ---- */

enum home_mode {
    HOME_READ, /* an absent home is an empty one */
    HOME_MAKE  /* made with mode 0700 if absent; its parent must exist */
};

struct home {
    int dir;  /* -1: the home does not exist */
    int lock; /* held until home_close */
    char path[HOME_PATH];
};

/*
 * Opens and locks the home. ERR_BUSY: another kith is at it for longer than two
 * seconds; ERR_STATE: not ours, or open to others; ERR_UNKNOWN: no parent directory;
 * ERR_IO; ERR_TOO_BIG: a path that is too long.
 */
enum err home_open(const char *path, enum home_mode mode, struct home *out);
/* Fine on a { .dir = -1, .lock = -1 } home, and twice. */
void home_close(struct home *h);
bool home_has(const struct home *h, enum home_file which);
/* Removes a file for good; fine if absent. Never HOME_ROOT (MUST). ERR_IO. */
enum err home_drop(struct home *h, enum home_file which);

/* ---- records: how files are filled ---- */

/* Bytes on the heap, wiped by home_blob_free. */
struct home_blob {
    uint8_t *p;
    size_t n;
    size_t cap;
};

void home_blob_free(struct home_blob *b);
#define AUTO_BLOB __attribute__((cleanup(home_blob_free)))
/* Appends kind u8, length u32 and the encoded struct. ERR_TOO_BIG, ERR_NOMEM. */
enum err blob_put(struct home_blob *b, uint8_t kind, const struct wire_schema *s,
                  const void *value);
/* Takes the next record off *in. ERR_FORMAT. */
enum err blob_next(struct bytes *in, uint8_t *out_kind, struct bytes *out_body);

/* ---- keys of files ---- */

enum home_lock { LOCK_NONE = 0, LOCK_PASSPHRASE = 1, LOCK_ROOT = 2 };

/* A key and how it is made; secret memory. */
struct home_key {
    struct seal_key key;
    enum home_lock lock;
    struct cost cost; /* LOCK_PASSPHRASE */
    uint8_t salt[SALT_BYTES];
};

/* A fresh key under a passphrase, or without one (pass NULL). Caller frees. */
enum err home_key_new(const struct passphrase *pass, struct cost cost,
                      const struct rng *rng, struct home_key **out);
/*
 * The key a file is sealed with. ERR_UNKNOWN: no file; ERR_LOCKED: it needs a
 * passphrase and pass is NULL; ERR_PASSPHRASE: a wrong one; ERR_CORRUPT, ERR_VERSION.
 */
enum err home_key_open(struct home *h, enum home_file which,
                       const struct passphrase *pass, struct home_key **out);
/* Whether the file is locked by a passphrase; LOCK_NONE too when absent or damaged. */
enum home_lock home_lock_of(struct home *h, enum home_file which);

/*
 * Writes a file: an open part anyone with the disk reads, a sealed part under key
 * (NULL: no sealed part; it must fit secret memory to be opened again). Not for
 * HOME_ROOT (MUST). ERR_IO, ERR_DISK_FULL.
 */
enum err home_write(struct home *h, enum home_file which, const struct home_key *key,
                    struct bytes open, struct bytes secret, const struct rng *rng);
/* The open part, caller frees. ERR_UNKNOWN: no file; ERR_CORRUPT; ERR_VERSION. */
enum err home_read_open(struct home *h, enum home_file which, struct home_blob *out);
/* The sealed part into memory of the caller's. ERR_AUTH: another key; ERR_TOO_BIG. */
enum err home_read_sealed(struct home *h, enum home_file which,
                          const struct home_key *key, struct span out, size_t *out_n);

/*
 * A file that leaves the home, as bytes (HOME_DEVICE): made as home_write does; caller
 * frees. ERR_TOO_BIG.
 */
enum err home_image_make(const struct home_key *key, struct bytes open,
                         struct bytes secret, const struct rng *rng,
                         struct home_blob *out);
/*
 * Opens one. ERR_PASSPHRASE: another passphrase; ERR_CORRUPT, ERR_VERSION. Caller frees
 * all three.
 */
enum err home_image_open(struct bytes image, const struct passphrase *pass,
                         struct home_key **out_key, struct home_blob *out_open,
                         struct home_blob *out_secret);

/* ---- the root box ---- */

/* Keys of one epoch, to write roster and manifest again. */
struct epoch_keys {
    uint32_t epoch;
    uint8_t manifest_hash[HASH_BYTES];
    uint8_t manifest_key[KEY_BYTES];
    uint8_t roster_key[KEY_BYTES];
};

/* What the root box holds. */
struct root_box {
    uint8_t root[KEY_BYTES];
    uint32_t n_epochs;
    struct epoch_keys epochs[EPOCHS_MAX];
};

/* How it is written; a device's file holds the same. */
extern const struct wire_schema root_box_schema;

/* An opened root box; secret memory, caller frees with secret_free. */
struct unlocked {
    struct root_key root;
    struct root_box box;
    struct home_key key;
};

/*
 * Writes the first root of a home, sealed under key. ERR_EXISTS: there is one, which
 * stays as it is.
 */
enum err home_root_create(struct home *h, const struct root_key *root,
                          const struct home_key *key, const struct rng *rng);
/* Opens the root box; pass NULL where there is no passphrase. As home_key_open. */
enum err home_root_unlock(struct home *h, const struct passphrase *pass,
                          struct unlocked **out);
/* The same with the key at hand. ERR_AUTH: another one. */
enum err home_root_open(struct home *h, const struct home_key *key,
                        struct unlocked **out);
/* Writes the box again (epoch keys); ERR_CORRUPT unless the file holds u's root. */
enum err home_root_save(struct home *h, const struct unlocked *u, const struct rng *rng);
/* The same under another key, which is u's from then on. */
enum err home_root_lock(struct home *h, struct unlocked *u, const struct home_key *key,
                        const struct rng *rng);
/*
 * Puts the root file aside as "root.WHEN", still locked, so that another root has room;
 * fine if that was done before, or if there is none. Nothing removes it. ERR_IO.
 */
enum err home_root_aside(struct home *h, uint64_t when);
/* The first WHEN from this one on under which nothing was put aside. */
uint64_t home_aside_free(const struct home *h, uint64_t when);
/* Whether a new root is under way in the home of that path. */
bool home_is_moving(const char *path);
/* Whether a root was ever put aside in the home of that path. */
bool home_has_aside(const char *path);
/* Whether it is a helper's: another machine has the root. */
bool home_is_helper(const char *path);
/* The key for HOME_JOURNAL, from the root. Caller frees. */
enum err home_journal_key(const struct root_key *root, struct home_key **out);

/* ---- the day box ---- */

/* How far a drop was read, and what its node signed about it then. */
struct day_mark {
    uint8_t drop[ID_BYTES];
    uint64_t seq;
    uint8_t head[HASH_BYTES];
    uint8_t incarnation[ID_BYTES];
    uint64_t time;        /* the node's, Unix seconds */
    struct bytes receipt; /* drop_receipt: the evidence */
};

/* What a node last said about itself. */
struct day_node {
    uint8_t node_key[PUB_BYTES];
    uint8_t node_sign[PUB_BYTES];
    uint8_t incarnation[ID_BYTES];
    uint8_t log_head[HASH_BYTES];
    uint64_t log_seq;
    uint64_t seen; /* Unix seconds of the last answer */
    uint32_t n_addresses;
    struct roster_address addresses[ADDRESSES_MAX];
    uint8_t fault;    /* enum seen_fault: what it was caught at; 0 nothing */
    uint64_t faulted; /* when; both stay until a person settles it */
    uint32_t n_alerts;
    struct day_mark alerts[1]; /* the ward's alert drop, or the seat's inbox */
    uint32_t n_log;
    struct day_mark log[1]; /* the ward's log drop */
    uint64_t told_seq;      /* up to this alert the person was told */
    uint8_t told_head[HASH_BYTES];
    uint64_t told_time;      /* when it was received there */
    uint64_t acked;          /* up to this one the node keeps our signed mark */
    uint8_t fault_told;      /* the fault the person was told of */
    uint64_t let_go;         /* a restore took the piece there, the last time; 0 none */
    uint64_t let_go_settled; /* the person knows of it, up to that time */
};

/* A name of a group of guardians. */
struct day_text {
    struct bytes text;
};

/* A circle as it shall become: the guardians in the order of their places. */
struct day_plan {
    uint8_t group_threshold;
    uint32_t n_groups;
    struct manifest_group groups[GROUPS_MAX];
    uint32_t n_group_names;
    struct day_text group_names[GROUPS_MAX];
    uint32_t hold;
    uint32_t stop_hold;
    uint8_t roster_mode;
    struct bytes seats; /* SEAT_BYTES each; they need not be guardians any more */
};

/* An epoch before the sealed one, as long as its pieces may still open the root. */
struct day_past {
    uint32_t epoch;
    uint64_t sealed_at;
    uint8_t certified;     /* 1: confirmed by people, as this home knows */
    struct bytes manifest; /* signed bytes */
};

/* The person and the circle; one in each home. */
struct day_me {
    struct bytes name;
    uint8_t circle[ID_BYTES];
    uint8_t owner[PUB_BYTES];      /* owner signing key; zero: no root yet */
    uint8_t guard_sign[PUB_BYTES]; /* the person's own guardian keys */
    uint8_t guard_seal[PUB_BYTES];
    struct bytes fingerprint; /* of owner: four words */
    /* the plan */
    uint8_t planned; /* 1: circle plan ran */
    uint8_t group_threshold;
    uint32_t n_groups;
    struct manifest_group groups[GROUPS_MAX];
    uint32_t n_group_names;
    struct day_text group_names[GROUPS_MAX];
    uint32_t hold;
    uint32_t stop_hold;
    uint8_t roster_mode;
    struct bytes about;
    uint32_t next_roster; /* number of the next roster credential */
    /* the newest sealed epoch */
    uint32_t epoch; /* 0: none */
    uint64_t sealed_at;
    uint8_t manifest_hash[HASH_BYTES];
    struct bytes manifest; /* signed bytes */
    uint32_t next_sheet;   /* sheets that this home printed so far */
    /* alerts */
    uint64_t owner_tested; /* a person answered an alert test as owner; 0 never */
    uint64_t guard_tested; /* and as guardian */
    uint64_t owner_sent;   /* a test was put at a guardian's node; 0 never */
    uint64_t guard_sent;   /* and at an own one */
    uint64_t watched;      /* the last look of kith alert watch; 0 never */
    uint32_t timer;        /* the timer runs every so many seconds; 0: none */
    uint64_t failed;       /* when a handler last failed; 0: the last run was fine */
    uint32_t n_handlers;

    struct day_handler {
        struct bytes exec; /* program and arguments, each ends with a zero byte */
    } handlers[DAY_HANDLERS];

    uint64_t reset; /* when the guardian began to get new keys; 0: not under way */
    /* the vault, which a device works with without a passphrase */
    uint32_t vault_generation;    /* 0: not made yet, home_vault_keys */
    uint8_t vault_key[KEY_BYTES]; /* of that generation: secret */
    uint8_t device[ID_BYTES];     /* random: names this home in histories */
    struct bytes device_name;     /* what the machine calls itself; printable */
    uint64_t end_wanted;          /* a person wants the circle to end; 0 not */
    uint8_t helper;               /* 1: another machine made this home; no root here */
    /* Of the root before this one, until the vault is written anew (vault_rekey). */
    uint32_t generation_before; /* 0: none */
    uint8_t vault_before[KEY_BYTES];
    /* a change of the circle (client/ceremony_change) */
    uint32_t n_next;
    struct day_plan next[1]; /* what the next seal makes; none: nothing is planned */
    uint32_t cert_epoch; /* newest epoch that people confirmed, as proven here; 0 none */
    uint8_t cert_hash[HASH_BYTES];
    struct bytes cert;   /* cert_people of it */
    uint64_t check_next; /* the timer checks from then on; 0: at once */
    /* a new root (client/ceremony_move) */
    uint8_t move[HASH_BYTES]; /* of the MOVE this root took over by; zero: none */
    uint64_t moved; /* when; what the vault held before may have been read. 0 never */
    uint8_t gone;   /* enum day_gone: what became of the machine before a restore */
    /* the list of guardians at the nodes (client/ceremony_roster) */
    uint32_t roster_number;     /* its credentials', in the list that epoch came with: */
    uint32_t roster_epoch;      /* 0: not known here */
    uint64_t roster_at;         /* when it was last written again; 0: never */
    struct bytes roster_sealed; /* as it was written then */
    uint64_t device_until;      /* in a device's file: it may be joined until then */
};

/* What a person says of the machine that a restore replaces. */
enum day_gone { GONE_UNASKED = 0, GONE_LOST = 1, GONE_STOLEN = 2 };

/* What was proven of a guardian's piece, when, and what is under way. */
struct day_proof {
    uint64_t checked;        /* the last good check; 0 never */
    uint32_t checked_epoch;  /* and of which epoch */
    uint8_t fault;           /* enum check_fault of the last one; 0 none */
    uint64_t faulted;        /* since then; 0 not */
    uint8_t fault_told;      /* the fault the person was told of */
    uint8_t pass[KEY_BYTES]; /* order in which vault objects are compared */
    uint64_t at;             /* how far that went */
    uint64_t opened;         /* its guardian last opened the piece; 0 never */
    uint32_t opened_epoch;   /* and of which epoch */
    uint64_t opened_reset;   /* by a drill after these new keys; 0 none, or not known */
    uint32_t drills;         /* how often that was proven */
    uint64_t asked;          /* a drill waits for an answer since then; 0 none */
    uint32_t asked_epoch;
    uint8_t challenge[32];
    uint64_t failed;   /* an answer was not by the piece; 0 no */
    uint64_t reminded; /* the person was told of the drill that waits */
};

/* How far the enrolment of a guardian went. */
enum day_progress {
    GUARDIAN_NEW = 1,      /* the invite is kept here, nothing is sure */
    GUARDIAN_ENROLLED = 2, /* the ward exists there */
    GUARDIAN_READY = 3     /* the device key is enrolled too */
};

/* One guardian of the owner's. Text of "confirm" belongs to the request in progress. */
struct day_guardian {
    struct bytes name;
    uint8_t kind;     /* enum piece_kind */
    uint8_t progress; /* enum day_progress */
    struct bytes reach;
    struct bytes contact;
    uint8_t token[TOKEN_BYTES]; /* of the invite, until enrolled */
    uint8_t fp[FP_BYTES];       /* as in the invite */
    uint8_t invite[INVITE_BYTES];
    uint8_t op_enrol[ID_BYTES];
    uint8_t op_device[ID_BYTES];
    uint32_t n_node;
    struct day_node node[1];
    uint8_t seat[SEAT_BYTES];
    uint32_t generation;
    uint8_t ward[ID_BYTES];
    uint8_t sign_pub[PUB_BYTES];
    uint8_t seal_pub[PUB_BYTES];
    uint8_t keys_sig[SIG_BYTES];
    uint8_t approval[PUB_BYTES];
    uint8_t approval_sig[SIG_BYTES];
    uint8_t dev_static[KEY_BYTES]; /* the device key: secret */
    uint8_t dev_psk[KEY_BYTES];
    uint8_t dev_sign[KEY_BYTES];
    uint8_t dev_let_in[SIG_BYTES]; /* vault_signer_make of it */
    uint8_t account[PUB_BYTES];    /* what the root account signs with there */
    uint64_t added;
    uint64_t confirmed; /* answer words were right; 0 never */
    /* what it holds */
    uint8_t group;
    uint8_t index;
    uint32_t epoch; /* newest epoch acknowledged as active; 0 none */
    uint64_t stored;
    uint8_t ack_key[PUB_BYTES];
    struct bytes ack; /* the newest signed acknowledgement */
    uint8_t roster_token[32];
    /* confirm request in progress; zero request: none */
    uint8_t request[ID_BYTES];
    uint8_t request_state; /* enum request_state as last seen */
    uint8_t op_open[ID_BYTES];
    uint8_t op_reveal[ID_BYTES];
    uint8_t op_fetch[ID_BYTES];
    uint8_t req_static[KEY_BYTES]; /* secret */
    uint8_t req_psk[KEY_BYTES];    /* secret */
    uint8_t req_seal[KEY_BYTES];   /* secret */
    uint8_t req_sign[KEY_BYTES];   /* seed: secret */
    uint8_t nonce[32];
    struct bytes view;  /* signed */
    uint8_t answers;    /* wrong answers so far */
    uint64_t requested; /* when it was opened */
    /* a change of the circle */
    uint8_t ask_purpose; /* enum purpose of that request; 0: enrol */
    uint8_t ask_subject[32];
    uint32_t said_epoch; /* newest epoch that this guardian confirmed; 0 none */
    struct bytes said;   /* their signed statement */
    uint64_t said_at;
    uint32_t retired;    /* the node let all epochs before this one go; 0 none */
    uint64_t retire_due; /* and will, at the earliest then; 0 not planned */
    uint32_t abort;      /* this prepared epoch is to be taken back there; 0 none */
    uint32_t before;     /* a card: the epoch whose paper was read back before that one */
    uint8_t next_ack[PUB_BYTES]; /* its node's key for the newest epoch it was offered */
    uint32_t n_proof;
    struct day_proof proof[1]; /* day_proof */
    /* an end of the circle, or of this seat (client/ceremony_end) */
    struct bytes end_said;    /* their signed word that it may end */
    uint64_t end_due;         /* the node erases it then; 0 not planned */
    uint64_t ended;           /* when the node erased it; 0 not */
    struct bytes end_receipt; /* what it signed then */
    uint8_t unlocked; /* 1: no passphrase locks their keys, as their node said last */
    /* bad news, as their node said it last: it stands while the node is silent */
    uint64_t reset;  /* they got new keys then; 0 not */
    uint64_t left;   /* the piece was given up, or ended, then; 0 not */
    uint64_t ending; /* all is erased there then, or was when it left, whoever ordered
                        that; 0 not */
    uint32_t gone;   /* the piece of that epoch is not there any more; 0 of none */
    uint64_t moving; /* a root that is not of this home takes over there then; 0 none */
    uint32_t newer;  /* an epoch that is not of this home is active there; 0 none */
    uint64_t frozen; /* changes by our keys are, until then; 0 not */
    uint8_t clock;   /* 1: its clock waits for a person */
    uint64_t roster_told; /* of which day_me.roster_at the node has the list */
    uint32_t torn; /* a card: its papers of epochs before that one were torn up; 0 none */
    uint32_t parted; /* one who was a guardian: the node was shown the certificate of that
                        epoch, which has no piece of theirs; 0 of none */
    uint32_t unjudged; /* the same: the node refused the one of that epoch; 0 of none */
};

/* A device at one guardian's node. */
struct day_device_at {
    uint8_t seat[SEAT_BYTES];
    uint8_t cred[ID_BYTES];  /* its credential there */
    uint8_t sign[PUB_BYTES]; /* what it signs with there */
    uint8_t state;           /* enum day_device_state */
    uint64_t until; /* once it is out: the newest vault head there when it went */
};

enum day_device_state {
    DEVICE_UNSURE = 0, /* perhaps let in: the node did not answer */
    DEVICE_IN = 1,
    DEVICE_OUT = 2
};

/* Another machine of the person's, as this one knows it. */
struct day_device {
    uint8_t id[ID_BYTES]; /* as in its own day_me.device */
    struct bytes name;
    uint8_t full;     /* 1: has the root key too */
    uint64_t since;   /* when it was made */
    uint64_t removed; /* when a person said so; 0 not */
    uint32_t n_at;
    struct day_device_at at[DAY_GUARDIANS];
};

/* A seat where the person is a guardian. */
struct day_seat {
    uint8_t progress;           /* enum day_progress, READY: conversation works */
    uint8_t token[TOKEN_BYTES]; /* of the operator or seat link, until enrolled */
    uint8_t operator_bit;       /* 1: came by the operator link */
    uint8_t op_enrol[ID_BYTES];
    uint8_t unlocked; /* 1: its node is told that no passphrase locks them; not kept */
    uint32_t n_node;
    struct day_node node[1];
    uint8_t seat[SEAT_BYTES];
    uint8_t stat[KEY_BYTES]; /* conversation keys: secret */
    uint8_t psk[KEY_BYTES];
    uint64_t added;
    uint8_t mark_sign[KEY_BYTES]; /* seed: signs what was read of the inbox; secret */
    uint8_t lost;                 /* 1: its keys went with a forgotten passphrase */
    uint8_t fp[FP_BYTES];         /* fingerprint of the guardian keys whose seat it is */
};

/* An invite the person made. */
struct day_invite {
    uint8_t seat[SEAT_BYTES];
    uint8_t invite[INVITE_BYTES];
    uint64_t made;
    uint64_t expires;
};

/* A ward as its guardian knows it. */
struct day_ward {
    uint8_t seat[SEAT_BYTES];
    uint8_t ward[ID_BYTES];
    uint8_t invite[INVITE_BYTES];
    struct bytes label; /* from the sealed note; absent until opened once */
    uint8_t circle[ID_BYTES];
    uint8_t owner[PUB_BYTES];
    struct bytes contact;
    struct bytes about;
    struct bytes fingerprint;   /* of owner: four words */
    uint64_t confirmed;         /* the guardian typed the right words; 0 never */
    uint8_t answered[ID_BYTES]; /* of this request: its answer words may be shown again */
    /* a new root, judged here (guard_move) */
    uint8_t before[PUB_BYTES]; /* the owner key that owner replaced; zero: none */
    uint64_t moved;            /* when it took over, as the node told; 0 never */
    struct bytes judges;       /* descriptor of the newest epoch known to be confirmed */
};

/*
 * The whole day box; on the heap, slices belong to it. Change it in place, add entries
 * at the end of the arrays, give texts through day_keep, then home_day_save.
 */
struct day {
    struct day_me me;
    uint8_t unlocked; /* 1: no passphrase locks the root here; by ctx_day, not kept */
    size_t n_guardians;
    struct day_guardian guardians[DAY_GUARDIANS]; /* of the circle, in order; then new */
    size_t n_formers;
    struct day_guardian formers[DAY_FORMERS]; /* were guardians; may keep old pieces */
    size_t n_past;
    struct day_past past[EPOCHS_MAX]; /* oldest first */
    size_t n_seats;
    struct day_seat seats[DAY_SEATS];
    size_t n_invites;
    struct day_invite invites[DAY_INVITES];
    size_t n_wards;
    struct day_ward wards[DAY_WARDS];
    size_t n_devices;
    struct day_device devices[DAY_DEVICES]; /* besides this one */
    struct day_memory *memory;              /* what the slices point into */
};

/* The day box, an empty one where there is none yet. ERR_CORRUPT, ERR_VERSION. */
enum err home_day_load(struct home *h, struct day **out);
/* Writes it, synced, before returning. ERR_STATE: the home does not exist. */
enum err home_day_save(struct home *h, const struct day *d, const struct rng *rng);
/* Wipes and frees; NULL is fine. */
void day_free(struct day *d);
#define AUTO_DAY __attribute__((cleanup(auto_day_)))

static inline void auto_day_(struct day **place)
{
    day_free(*place);
}

/*
 * The vault's part of the day box, from the root: generation (1 where there was none) and
 * its key; device id and name where they are missing. The key of another root is kept as
 * the one before, and generations begin at 1 again. Not saved. ERR_NOMEM.
 */
enum err home_vault_keys(struct day *d, const struct root_key *root,
                         const struct rng *rng);
/* The place for what is proven of g. */
struct day_proof *day_proof(struct day_guardian *g);
/* What is proven of g: nothing, where there is no such place. */
const struct day_proof *day_proven(const struct day_guardian *g);
/* Its guardian opened the piece of that epoch, which a signature proved. */
void day_opened(struct day_guardian *g, uint32_t epoch, uint64_t when);
/* A copy of text that lives as long as the day. Ends the process without memory. */
struct bytes day_keep(struct day *d, struct bytes text);
/* Encodes and decodes what the day file's open part holds; decode gives a new day. */
enum err day_encode(const struct day *d, struct home_blob *out);
enum err day_decode(struct bytes in, struct day **out);

#endif
