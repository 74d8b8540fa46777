/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults on purpose, for tests: a place in the program has a number, and its attribute says how often it fails. The
 * attributes are set by calls, or read from the file that the environment variable D_FI_CONFIG names: lines "seed: N",
 * "fault_config:", and for each fault "- id: N" followed by lines "probability_x: N", "probability_y: N",
 * "interval: N", "max_faults: N", "err_code: N", "argument: TEXT".
 */
#ifndef GURT_FAULT_INJECT_H
#define GURT_FAULT_INJECT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define D_FAULT_CONFIG_ENV "D_FI_CONFIG"

struct d_fault_attr_t {
	uint32_t fa_id;         /**< number of the fault */
	uint32_t fa_interval;   /**< fails at most every so many passes; 0: every */
	uint64_t fa_max_faults; /**< most failures; 0: no limit */
	uint64_t fa_num_faults; /**< failures so far */
	uint64_t fa_num_hits;   /**< passes so far */
	char *fa_argument;      /**< for the place that fails */
	pthread_spinlock_t fa_lock;
	int32_t fa_err_code;          /**< error to fail with */
	unsigned short fa_rand_state[3];
	uint32_t fa_probability_x; /**< fails in x of y passes; x 0: never */
	uint32_t fa_probability_y;
};

/** Starts fault injection: reads the file of D_FI_CONFIG, and turns faults on if there is one. Counted. */
int d_fault_inject_init(void);
int d_fault_inject_fini(void);

/** Turns all faults on or off. 0; -DER_UNINIT. */
int d_fault_inject_enable(void);
int d_fault_inject_disable(void);
bool d_fault_inject_is_enabled(void);

/** Turns faults on or off for the calling thread, or for threads that say nothing. */
void d_fault_inject_thread_enable(bool enabled);
void d_fault_inject_thread_default_enable(bool enabled);

/** Whether the place with this attribute is to fail now. NULL: false. */
bool d_should_fail(struct d_fault_attr_t *fault_attr_ptr);

/** Sets the attribute of a fault; its number is fault_id. 0; -DER_NOMEM; -DER_INVAL. */
int d_fault_attr_set(uint32_t fault_id, struct d_fault_attr_t fa_in);

/** The error of a fault; 0: none, or no such fault. */
int d_fault_attr_err_code(uint32_t fault_id);

/** The attribute of a fault; NULL: none. */
struct d_fault_attr_t *d_fault_attr_lookup(uint32_t fault_id);

#define D_SHOULD_FAIL(fault_attr) (d_fault_inject_is_enabled() && d_should_fail(fault_attr))

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
