/* SPDX-License-Identifier: Apache-2.0 */
/* Within lib_calls: what its files share. calls.c starts the store, opens the pool and the container "box", and runs all tests. */
#ifndef LIB_TEST_CALLS_H
#define LIB_TEST_CALLS_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/base.h"
#include <daos.h>
#include <gurt/common.h>

/* The pool and the container that are open while the tests run. */
struct opened {
	daos_handle_t poh, coh;
};
extern struct opened here;

/* ---- calls.c ---- */
daos_obj_id_t new_oid(enum daos_otype_t type);
daos_handle_t new_kv(void); /* open for reading and writing */

/*
 * lib_calls run anew as 'lib_calls doomed IN OUT', without threads so far: a store of its own that lives until it is killed, and a child that uses it
 * (IN and OUT are its pipes). The store's directory goes when the parent says so. A child of a process with threads could start none.
 */
#define CALLS_DOOMED "doomed"
struct calls_ticket { /* what it takes to reach a store of another process */
	char addrs[4][256], cred[2048];
	uint32_t addr_nr;
	size_t cred_len;
};
int calls_store_again(struct calls_ticket *ticket);
void calls_attach(const struct calls_ticket *ticket); /* which stays */
void calls_store_remove(pid_t pid);

/* ---- calls_process.c ---- */
/* When the store is there, before this process calls daos_init(): 0 or -DER_MISC. */
int calls_before_init(void);
void a_handle_serves_its_own_calls_alone_and_none_once_closed(void **state);
void a_queue_that_is_destroyed_by_force_ends_what_is_under_way(void **state);
void the_end_of_the_library_is_refused_while_operations_run_and_complete_after(void **state);
void signals_interrupt_no_wait(void **state);
void an_engine_that_dies_takes_no_application_with_it(void **state);
int calls_doomed(int in, int out);

/* ---- calls_files.c ---- */
void a_file_system_lives_in_a_container(void **state);
void files_are_reached_by_paths(void **state);
void mounts_and_files_are_handed_to_other_processes(void **state);
void classes_and_chunks_are_inherited(void **state);
void directories_are_read_through_filters(void **state);
void paths_of_other_file_systems_stand_for_containers(void **state);

#endif
