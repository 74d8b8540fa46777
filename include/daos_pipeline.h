/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pipelines: filters and aggregations that engines apply to the dkeys of an object, so that only results travel.
 *
 * A pipeline has filters, all of which a dkey must pass, and aggregations over those that pass. A filter is a list of
 * parts in prefix order: a function and then its operands, which are functions, akeys, the dkey, or constants. What a
 * filter or part is, is said by name.
 */
#ifndef DAOS_PIPELINE_H
#define DAOS_PIPELINE_H

#include <daos_types.h>
#include <daos_obj.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** One part of a filter. */
typedef struct {
	d_iov_t part_type;     /**< name of the part type, e.g. "DAOS_FILTER_AKEY" */
	d_iov_t data_type;     /**< name of the type of its data, e.g. "DAOS_FILTER_TYPE_INTEGER8" */
	uint32_t num_operands; /**< operands that follow a function */
	daos_key_t akey;       /**< akey whose value is read */
	size_t num_constants;
	d_iov_t *constant;  /**< values of a constant */
	size_t data_offset; /**< first byte of the value that counts */
	size_t data_len;    /**< number of bytes that count */
} daos_filter_part_t;

/** A filter: parts in prefix order. */
typedef struct {
	d_iov_t filter_type; /**< "DAOS_FILTER_CONDITION" or "DAOS_FILTER_AGGREGATION" */
	uint32_t num_parts;
	daos_filter_part_t **parts;
} daos_filter_t;

typedef struct {
	uint64_t version;
	uint32_t num_filters;
	daos_filter_t **filters;
	uint32_t num_aggr_filters;
	daos_filter_t **aggr_filters;
} daos_pipeline_t;

/** What was looked at. */
typedef struct {
	uint64_t nr_objs;
	uint64_t nr_dkeys;
	uint64_t nr_akeys;
} daos_pipeline_stats_t;

/** Makes an empty pipeline. */
void daos_pipeline_init(daos_pipeline_t *pipeline);

/** Makes an empty filter. */
void daos_filter_init(daos_filter_t *filter);

/** Adds a filter, which stays the caller's until daos_pipeline_free(). 0; -DER_INVAL; -DER_NOMEM. */
int daos_pipeline_add(daos_pipeline_t *pipeline, daos_filter_t *filter);

/** Adds a part to a filter; as daos_pipeline_add(). */
int daos_filter_add(daos_filter_t *filter, daos_filter_part_t *part);

/** Whether a pipeline can be run. 0; -DER_INVAL; -DER_NOSYS: an unknown part type. */
int daos_pipeline_check(daos_pipeline_t *pipeline);

/** Frees the lists of a pipeline and of its filters. */
int daos_pipeline_free(daos_pipeline_t *pipeline);

/**
 * Runs a pipeline over the dkeys of an object.
 *
 * \param[in]	coh		open container
 * \param[in]	oh		open object
 * \param[in]	pipeline	what to do
 * \param[in]	th		transaction or snapshot, or DAOS_TX_NONE
 * \param[in]	flags		DAOS_COND_*
 * \param[in]	dkey		only this dkey; NULL: all
 * \param[in,out] nr_iods	entries of iods
 * \param[in,out] iods		akeys to return of each dkey that passes
 * \param[in,out] anchor	where to go on
 * \param[in,out] nr_kds	in: most dkeys; out: dkeys returned
 * \param[out]	kds		their lengths
 * \param[out]	sgl_keys	the dkeys
 * \param[out]	sgl_recx	values of their akeys
 * \param[out]	recx_size	sizes of those values
 * \param[out]	sgl_agg		results of aggregations
 * \param[out]	stats		what was looked at; or NULL
 * \param[in]	ev		event, or NULL to wait
 */
int daos_pipeline_run(daos_handle_t coh, daos_handle_t oh, daos_pipeline_t *pipeline, daos_handle_t th, uint64_t flags,
		      daos_key_t *dkey, uint32_t *nr_iods, daos_iod_t *iods, daos_anchor_t *anchor, uint32_t *nr_kds,
		      daos_key_desc_t *kds, d_sg_list_t *sgl_keys, d_sg_list_t *sgl_recx, daos_size_t *recx_size,
		      d_sg_list_t *sgl_agg, daos_pipeline_stats_t *stats, daos_event_t *ev);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
