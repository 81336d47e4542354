/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nodes of tests/sim/net behind listening sockets on loopback, faults of lines
 * included. They are served by a thread that lives as long as a round of client/call:
 * linked with --wrap=call_round, so nothing else of a test runs beside it.
 */
#ifndef KITH_TESTS_SIM_SOCKETS_H
#define KITH_TESTS_SIM_SOCKETS_H

#include <stddef.h>

/* A free port for each of the n nodes, which is their address from now on. */
void sockets_open(size_t n);
void sockets_close(void);
/* Connections that nodes have taken so far. */
size_t sockets_taken(void);

#endif
