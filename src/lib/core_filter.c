/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libdaos: filters of containers: up to eight comparisons, copied from the caller.
 */
#include <daos_pool.h>
#include <gurt/common.h>

int
daos_pool_cont_filter_init(daos_pool_cont_filter_t *filt, uint32_t combine_func)
{
	if (filt == NULL || combine_func > PCF_COMBINE_LOGICAL_OR)
		return -DER_INVAL;
	filt->pcf_combine_func = combine_func;
	filt->pcf_nparts = 0;
	D_ALLOC_ARRAY(filt->pcf_parts, DAOS_POOL_CONT_FILTER_MAX_NPARTS);
	return filt->pcf_parts == NULL ? -DER_NOMEM : 0;
}

int
daos_pool_cont_filter_add(daos_pool_cont_filter_t *filt, daos_pool_cont_filter_part_t *part)
{
	daos_pool_cont_filter_part_t *copy;

	if (filt == NULL || filt->pcf_parts == NULL || part == NULL || part->pcfp_func >= PCF_FUNC_MAX ||
	    part->pcfp_key >= PCF_KEY_MAX)
		return -DER_INVAL;
	if (filt->pcf_nparts >= DAOS_POOL_CONT_FILTER_MAX_NPARTS)
		return -DER_OVERFLOW;
	D_ALLOC_PTR(copy);
	if (copy == NULL)
		return -DER_NOMEM;
	*copy = *part;
	filt->pcf_parts[filt->pcf_nparts++] = copy;
	return 0;
}

void
daos_pool_cont_filter_fini(daos_pool_cont_filter_t *filt)
{
	uint32_t i;

	if (filt == NULL || filt->pcf_parts == NULL)
		return;
	for (i = 0; i < filt->pcf_nparts; i++)
		D_FREE(filt->pcf_parts[i]);
	D_FREE(filt->pcf_parts);
	filt->pcf_nparts = 0;
}
