/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libdaos: putting pipelines together: lists of pointers to filters and parts that stay the caller's. Running them is
 * not here.
 */
#include <daos_pipeline.h>
#include <gurt/common.h>

void
daos_pipeline_init(daos_pipeline_t *pipeline)
{
	memset(pipeline, 0, sizeof(*pipeline));
	pipeline->version = 1;
}

void
daos_filter_init(daos_filter_t *filter)
{
	memset(filter, 0, sizeof(*filter));
}

int
daos_filter_add(daos_filter_t *filter, daos_filter_part_t *part)
{
	daos_filter_part_t **parts;

	if (filter == NULL || part == NULL)
		return -DER_INVAL;
	D_REALLOC_ARRAY(parts, filter->parts, filter->num_parts, filter->num_parts + 1);
	if (parts == NULL)
		return -DER_NOMEM;
	parts[filter->num_parts++] = part;
	filter->parts = parts;
	return 0;
}

static bool
is_text(const d_iov_t *iov, const char *text)
{
	return iov->iov_buf != NULL && iov->iov_len == strlen(text) && memcmp(iov->iov_buf, text, iov->iov_len) == 0;
}

static int
add_filter(daos_filter_t ***list, uint32_t *nr, daos_filter_t *filter)
{
	daos_filter_t **filters;

	D_REALLOC_ARRAY(filters, *list, *nr, *nr + 1);
	if (filters == NULL)
		return -DER_NOMEM;
	filters[(*nr)++] = filter;
	*list = filters;
	return 0;
}

int
daos_pipeline_add(daos_pipeline_t *pipeline, daos_filter_t *filter)
{
	if (pipeline == NULL || filter == NULL)
		return -DER_INVAL;
	if (is_text(&filter->filter_type, "DAOS_FILTER_CONDITION"))
		return add_filter(&pipeline->filters, &pipeline->num_filters, filter);
	if (is_text(&filter->filter_type, "DAOS_FILTER_AGGREGATION"))
		return add_filter(&pipeline->aggr_filters, &pipeline->num_aggr_filters, filter);
	return -DER_INVAL;
}

static void
free_filters(daos_filter_t ***list, uint32_t *nr)
{
	while (*nr > 0) {
		daos_filter_t *filter = (*list)[--*nr];

		D_FREE(filter->parts);
		filter->num_parts = 0;
	}
	D_FREE(*list);
}

int
daos_pipeline_free(daos_pipeline_t *pipeline)
{
	if (pipeline == NULL)
		return -DER_INVAL;
	free_filters(&pipeline->filters, &pipeline->num_filters);
	free_filters(&pipeline->aggr_filters, &pipeline->num_aggr_filters);
	daos_pipeline_init(pipeline);
	return 0;
}
