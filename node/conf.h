/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration file of kithd (INI): [Node], [Limits], [Alerts]. A file is right as a
 * whole or an error: line, key, what is allowed. Unknown and repeated keys are errors.
 * Looks whether the program of [Alerts] is there; opens nothing the file names: main
 * does.
 */
#ifndef KITH_NODE_CONF_H
#define KITH_NODE_CONF_H

#include "node/limit.h"
#include "proto/bytes.h"
#include "proto/err.h"
#include "proto/ident.h"

enum {
    CONF_FILE = 64 * 1024, /* longest file */
    CONF_LINE = 1024,      /* longest line */
    CONF_NAME = 64,        /* longest Name */
    CONF_PATH = 512,       /* longest path or command */
    CONF_ADVERTISE = 4     /* most addresses */
};

struct conf {
    char name[CONF_NAME + 1]; /* shown to guardians; never logged */
    struct address listen;    /* IPv4 or IPv6; port 0: any free one */
    char state[CONF_PATH + 1];
    struct address advertise[CONF_ADVERTISE];
    size_t n_advertise; /* 0: the bound address */
    bool trust_clock;
    bool lock_memory;
    struct limits limits;
    char alert_exec[CONF_PATH + 1]; /* program and arguments; empty: none */
};

/* What is wrong: a line (0: the file as a whole) and one sentence. */
struct conf_error {
    unsigned line;
    char text[200];
};

/* X(section, key, "what is allowed", needed?, "meaning") of [Node] and [Alerts] */
#define CONF_KEYS(X)                                                                     \
    X("Node", "Name", "1 to 64 printable characters", CONF_MUST,                         \
      "what guardians see this node called")                                             \
    X("Node", "Listen", "an IPv4 or IPv6 address with a port, such as 0.0.0.0:7844",     \
      CONF_MUST, "where to listen; port 0 takes any free one")                           \
    X("Node", "State", "an absolute path of at most 512 characters", CONF_MUST,          \
      "directory of the store; it is made when absent")                                  \
    X("Node", "Advertise", "1 to 4 addresses with ports, with commas between", CONF_MAY, \
      "what stands in links; the address listened on when absent")                       \
    X("Node", "TrustClock", "yes or no", CONF_MAY,                                       \
      "the clock is right although the kernel cannot say so; no when absent")            \
    X("Node", "LockMemory", "yes or no", CONF_MAY,                                       \
      "refuse to run when secrets could be swapped; yes when absent")                    \
    X("Alerts", "Exec",                                                                  \
      "the absolute path of a program that is there and may be run, arguments after "    \
      "spaces, at most 512 characters",                                                  \
      CONF_MAY, "program that is run for each alert, JSON on standard input")

/*
 * Reads the text of a file into *out. ERR_ARG, ERR_FORMAT, ERR_TOO_BIG: *out_error says
 * why and *out is untouched.
 */
enum err conf_parse(struct bytes text, struct conf *out, struct conf_error *out_error);
/* Reads the file at path, too. ERR_IO, ERR_NOMEM. */
enum err conf_load(const char *path, struct conf *out, struct conf_error *out_error);

#endif
