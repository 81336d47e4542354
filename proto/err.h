/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every way a Kith function can fail: one table, from which the enum, the
 * stable ids, the sentences, the hints, the wire numbers and docs/ERRORS.md
 * are made. Wire numbers are frozen; a code with wire number 0 never leaves
 * the machine (a peer then sees "refused").
 */
#ifndef KITH_PROTO_ERR_H
#define KITH_PROTO_ERR_H

#include <stdint.h>
#include <stdlib.h>

/* X(NAME, wire number, "stable-id", "what happened", "what the person can do") */
#define ERR_TABLE(X)                                                                     \
    X(NOMEM, 0, "no-memory", "There is not enough memory.",                              \
      "Close other programs and try again.")                                             \
    X(MLOCK, 0, "no-locked-memory", "Memory for secrets could not be locked.",           \
      "Raise the limit for locked memory (ulimit -l) to at least 64 KiB.")               \
    X(ARG, 0, "bad-value", "A value is not allowed here.",                               \
      "The command's help says what it takes: kith help COMMAND.")                       \
    X(TOO_BIG, 1, "too-big", "Something is larger than allowed.", "Shorten it.")         \
    X(FORMAT, 2, "malformed", "Data is not in the expected form.",                       \
      "Check that it is complete and unchanged.")                                        \
    X(VERSION, 3, "version", "The other side speaks a version this one does not.",       \
      "Update the older of the two programs.")                                           \
    X(CHECKSUM, 0, "mistyped", "A checksum does not match: something was mistyped.",     \
      "Compare it letter by letter, or ask for it again.")                               \
    X(WORD, 0, "words-unknown", "A word is not on the list.",                            \
      "Check the spelling of each word.")                                                \
    X(AUTH, 0, "not-authentic", "Data was changed, or sealed with another key.",         \
      "Ask its sender for it again; do not use this copy.")                              \
    X(KEY, 0, "bad-key", "A public key is not usable.",                                  \
      "Ask the other side for a fresh link.")                                            \
    X(SIGNATURE, 0, "bad-signature", "A signature does not match.",                      \
      "Do not trust this data; ask its sender for it again.")                            \
    X(SHARE_MIXED, 0, "share-mixed", "These shares do not belong to one set.",           \
      "Sort the shares by their first two words.")                                       \
    X(SHARE_TWICE, 0, "share-twice", "The same share was given twice, differently.",     \
      "Leave out one of the two.")                                                       \
    X(SHARE_FEW, 0, "share-few", "There are too few shares.", "Find further shares.")    \
    X(SHARE_MANY, 0, "share-many", "There are more shares or groups than the set has.",  \
      "Leave out those that are not needed.")                                            \
    X(SHARE_DIGEST, 0, "share-digest", "The shares do not fit together.",                \
      "At least one of them is wrong: try others.")                                      \
    X(REFUSED, 16, "refused", "The other side refused.",                                 \
      "Ask the guardian for a new link.")                                                \
    X(EXPIRED, 17, "expired", "It has expired.", "Ask for a new one.")                   \
    X(USED, 18, "used", "It was already used.", "Ask for a new one.")                    \
    X(FULL, 19, "full", "A limit of the guardian's node is reached.",                    \
      "Ask the guardian to make room.")                                                  \
    X(BUSY, 20, "busy", "Someone else is at it right now.", "Try again in a minute.")    \
    X(UNKNOWN, 21, "unknown", "There is no such thing.", "List what there is.")          \
    X(STATE, 22, "not-now", "This is not possible in the present state.",                \
      "Look at the present state first.")                                                \
    X(CONFLICT, 23, "conflict", "The same operation was asked for with other content.",  \
      "Run the command again from the start.")                                           \
    X(STOPPED, 24, "stopped", "A person stopped or refused this.",                       \
      "Speak with that person; a guardian may then approve with --despite-stop.")        \
    X(TRIES, 25, "locked-request", "Too many wrong tries: the request is locked.",       \
      "Unlock it after speaking with the person.")                                       \
    X(DISK_FULL, 26, "disk-full", "The disk is full.", "Make room on the disk.")         \
    X(IO, 27, "disk-error", "A file could not be read or written.",                      \
      "Check the disk and the permissions of the directory.")                            \
    X(FROZEN, 28, "frozen", "The guardian froze all changes by the owner's keys.",       \
      "Speak with the guardian; it ends after 30 days or with a restore.")               \
    X(PAUSED, 29, "paused", "This guardian said to be away: nothing is approved.",       \
      "End the pause: kith guard resume.")                                               \
    X(LEFT, 30, "left", "The guardian gave this ward up.",                               \
      "Choose another guardian: kith guardian replace.")                                 \
    X(NEWER, 31, "newer", "The vault there is newer than what was read.",                \
      "Fetch it first: kith vault pull.")                                                \
    X(CERT, 32, "not-proven", "What was shown does not prove it.",                       \
      "Ask the guardians whose confirmation is missing.")                                \
    X(MOVED, 33, "moved", "This circle has a new root: the old keys change nothing.",    \
      "Use the home with the new root, or restore: kith restore start.")                 \
    X(CORRUPT, 0, "damaged", "Stored data is damaged or foreign.",                       \
      "Restore it from a backup.")                                                       \
    X(ROLLBACK, 0, "rolled-back", "Stored data is older than it should be.",             \
      "Load it as a backup, so that the others are told.")                               \
    X(UNREACHABLE, 0, "unreachable", "The guardian's node did not answer.",              \
      "Ask the guardian whether it is switched on.")                                     \
    X(TIMEOUT, 0, "timeout", "The guardian's node took too long to answer.",             \
      "Try again later.")                                                                \
    X(CLOSED, 0, "closed", "The conversation ended before its answer.",                  \
      "Run the same command again: nothing is done twice.")                              \
    X(LOCKED, 0, "locked", "The keys are locked.", "Give the passphrase.")               \
    X(PASSPHRASE, 0, "wrong-passphrase", "The passphrase is wrong.",                     \
      "Try again; check the keyboard layout.")                                           \
    X(EXISTS, 0, "exists", "It is already there.", "Choose another place or name.")

#if defined(__clang__)
#define MUST_CHECK __attribute__((warn_unused_result))
#else
#define MUST_CHECK [[nodiscard]]
#endif

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#define ERR_ENUM(name, wire, id, what, hint) ERR_##name,

enum MUST_CHECK err { OK = 0, ERR_TABLE(ERR_ENUM) ERR_COUNT };

#undef ERR_ENUM
#pragma GCC diagnostic pop

/* Returns "ERR_NAME" (or "OK"); a static string. */
const char *err_name(enum err e);
/* Returns the stable id people and scripts may rely on; a static string. */
const char *err_id(enum err e);
/* Returns one sentence: what happened; a static string. */
const char *err_text(enum err e);
/* Returns one sentence: what the person can do; a static string. */
const char *err_hint(enum err e);
/* Returns the number that travels to a peer; what may not travel becomes REFUSED's. */
uint16_t err_wire(enum err e);
/* Returns the code for a number a peer sent; unknown numbers are ERR_REFUSED. */
enum err err_from_wire(uint16_t wire);

/* Returns a result that is not OK to the caller; the only control-flow macro here. */
#define TRY(x)                                                                           \
    do {                                                                                 \
        enum err try_result_ = (x);                                                      \
        if (try_result_ != OK)                                                           \
            return try_result_;                                                          \
    } while (0)

/* For what cannot happen: always compiled; wipes the secrets, ends without a core. */
#define MUST(cond)                                                                       \
    do {                                                                                 \
        if (!(cond))                                                                     \
            must_fail(#cond, __FILE__, __LINE__);                                        \
    } while (0)

_Noreturn void must_fail(const char *cond, const char *file, int line);

#define AUTO_FREE __attribute__((cleanup(auto_free_)))

static inline void auto_free_(void *place)
{
    void **p = place;
    free(*p);
}

#endif
