/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libgurt: lists of ranks and of ranges of ranks. A list owns its array; an empty one has none.
 */
#include <gurt/common.h>

/* ---- making and unmaking --------------------------------------------------------------------------------------- */

d_rank_list_t *
d_rank_list_alloc(uint32_t size)
{
	d_rank_list_t *list = d_calloc(1, sizeof(*list));

	if (list == NULL || size == 0)
		return list;
	list->rl_ranks = d_calloc(size, sizeof(*list->rl_ranks));
	if (list->rl_ranks == NULL) {
		d_free(list);
		return NULL;
	}
	list->rl_nr = size;
	return list;
}

void
d_rank_list_free(d_rank_list_t *rank_list)
{
	if (rank_list == NULL)
		return;
	d_free(rank_list->rl_ranks);
	d_free(rank_list);
}

int
d_rank_list_resize(d_rank_list_t *ptr, uint32_t size)
{
	d_rank_t *ranks;

	if (ptr == NULL)
		return -DER_INVAL;
	if (size == 0) {
		d_free(ptr->rl_ranks);
		ptr->rl_ranks = NULL;
		ptr->rl_nr = 0;
		return 0;
	}
	ranks = d_realloc(ptr->rl_ranks, (size_t)size * sizeof(*ranks));
	if (ranks == NULL)
		return -DER_NOMEM;
	if (size > ptr->rl_nr)
		memset(ranks + ptr->rl_nr, 0, (size_t)(size - ptr->rl_nr) * sizeof(*ranks));
	ptr->rl_ranks = ranks;
	ptr->rl_nr = size;
	return 0;
}

static void
copy_ranks(d_rank_t *to, const d_rank_t *from, uint32_t nr)
{
	if (nr != 0)
		memcpy(to, from, (size_t)nr * sizeof(*to));
}

int
d_rank_list_dup(d_rank_list_t **dst, const d_rank_list_t *src)
{
	if (dst == NULL)
		return -DER_INVAL;
	*dst = NULL;
	if (src == NULL)
		return 0;
	*dst = d_rank_list_alloc(src->rl_nr);
	if (*dst == NULL)
		return -DER_NOMEM;
	copy_ranks((*dst)->rl_ranks, src->rl_ranks, src->rl_nr);
	return 0;
}

int
d_rank_list_dup_sort_uniq(d_rank_list_t **dst, const d_rank_list_t *src)
{
	d_rank_list_t *list;
	uint32_t i, kept = 0;
	int rc = d_rank_list_dup(dst, src);

	if (rc != 0 || *dst == NULL)
		return rc;
	list = *dst;
	d_rank_list_sort(list);
	for (i = 0; i < list->rl_nr; i++) {
		if (kept == 0 || list->rl_ranks[kept - 1] != list->rl_ranks[i])
			list->rl_ranks[kept++] = list->rl_ranks[i];
	}
	list->rl_nr = kept;
	return 0;
}

int
d_rank_list_copy(d_rank_list_t *dst, d_rank_list_t *src)
{
	int rc;

	if (dst == NULL || src == NULL)
		return -DER_INVAL;
	if (dst->rl_nr != src->rl_nr) {
		rc = d_rank_list_resize(dst, src->rl_nr);
		if (rc != 0)
			return rc;
	}
	copy_ranks(dst->rl_ranks, src->rl_ranks, src->rl_nr);
	return 0;
}

/* ---- looking and changing --------------------------------------------------------------------------------------- */

bool
d_rank_list_find(d_rank_list_t *rank_list, d_rank_t rank, int *idx)
{
	uint32_t i;

	if (rank_list == NULL)
		return false;
	for (i = 0; i < rank_list->rl_nr; i++) {
		if (rank_list->rl_ranks[i] == rank) {
			if (idx != NULL)
				*idx = (int)i;
			return true;
		}
	}
	return false;
}

bool
d_rank_list_bsearch(d_rank_list_t *rank_list, d_rank_t rank, int *idx)
{
	uint32_t low = 0, high;

	if (rank_list == NULL)
		return false;
	high = rank_list->rl_nr;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (rank_list->rl_ranks[middle] == rank) {
			if (idx != NULL)
				*idx = (int)middle;
			return true;
		}
		if (rank_list->rl_ranks[middle] < rank)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

bool
d_rank_in_rank_list(d_rank_list_t *rank_list, d_rank_t rank)
{
	return d_rank_list_find(rank_list, rank, NULL);
}

int
d_idx_in_rank_list(d_rank_list_t *rank_list, d_rank_t rank, uint32_t *idx)
{
	int place;

	if (rank_list == NULL || idx == NULL)
		return -DER_INVAL;
	if (!d_rank_list_find(rank_list, rank, &place))
		return -DER_OOG;
	*idx = (uint32_t)place;
	return 0;
}

void
d_rank_list_filter(d_rank_list_t *src_set, d_rank_list_t *dst_set, bool exclude)
{
	uint32_t i, kept = 0;

	if (src_set == NULL || dst_set == NULL)
		return;
	for (i = 0; i < dst_set->rl_nr; i++) {
		if (d_rank_in_rank_list(src_set, dst_set->rl_ranks[i]) != exclude)
			dst_set->rl_ranks[kept++] = dst_set->rl_ranks[i];
	}
	dst_set->rl_nr = kept;
}

int
d_rank_list_merge(d_rank_list_t *src_set, d_rank_list_t *merge_set)
{
	uint32_t i, old_nr;
	int rc;

	if (src_set == NULL || merge_set == NULL)
		return -DER_INVAL;
	old_nr = src_set->rl_nr;
	for (i = 0; i < merge_set->rl_nr; i++) {
		if (d_rank_in_rank_list(src_set, merge_set->rl_ranks[i]))
			continue;
		rc = d_rank_list_append(src_set, merge_set->rl_ranks[i]);
		if (rc != 0) {
			src_set->rl_nr = old_nr;
			return rc;
		}
	}
	return 0;
}

void
d_rank_list_shuffle(d_rank_list_t *rank_list)
{
	uint32_t i;

	if (rank_list == NULL)
		return;
	for (i = rank_list->rl_nr; i > 1; i--) {
		uint32_t other = (uint32_t)(d_rand() % i);
		d_rank_t rank = rank_list->rl_ranks[i - 1];

		rank_list->rl_ranks[i - 1] = rank_list->rl_ranks[other];
		rank_list->rl_ranks[other] = rank;
	}
}

static int
rank_compare(const void *a, const void *b)
{
	d_rank_t left = *(const d_rank_t *)a, right = *(const d_rank_t *)b;

	return left < right ? -1 : left > right;
}

void
d_rank_list_sort(d_rank_list_t *rank_list)
{
	if (rank_list != NULL && rank_list->rl_nr > 1)
		qsort(rank_list->rl_ranks, rank_list->rl_nr, sizeof(d_rank_t), rank_compare);
}

void
d_rank_list_del_at(d_rank_list_t *list, int idx)
{
	if (list == NULL || idx < 0 || (uint32_t)idx >= list->rl_nr)
		return;
	list->rl_nr--;
	memmove(&list->rl_ranks[idx], &list->rl_ranks[idx + 1], (list->rl_nr - (uint32_t)idx) * sizeof(d_rank_t));
}

int
d_rank_list_del(d_rank_list_t *rank_list, d_rank_t rank)
{
	int idx;

	if (rank_list == NULL)
		return -DER_INVAL;
	if (d_rank_list_find(rank_list, rank, &idx))
		d_rank_list_del_at(rank_list, idx);
	return 0;
}

int
d_rank_list_append(d_rank_list_t *rank_list, d_rank_t rank)
{
	int rc;

	if (rank_list == NULL || rank_list->rl_nr == UINT32_MAX)
		return -DER_INVAL;
	rc = d_rank_list_resize(rank_list, rank_list->rl_nr + 1);
	if (rc == 0)
		rank_list->rl_ranks[rank_list->rl_nr - 1] = rank;
	return rc;
}

bool
d_rank_list_identical(d_rank_list_t *rank_list1, d_rank_list_t *rank_list2)
{
	if (rank_list1 == NULL || rank_list2 == NULL)
		return rank_list1 == rank_list2;
	return rank_list1->rl_nr == rank_list2->rl_nr &&
	       (rank_list1->rl_nr == 0 ||
		memcmp(rank_list1->rl_ranks, rank_list2->rl_ranks, rank_list1->rl_nr * sizeof(d_rank_t)) == 0);
}

/* ---- other forms ------------------------------------------------------------------------------------------------ */

d_rank_list_t *
uint32_array_to_rank_list(uint32_t *ints, size_t len)
{
	d_rank_list_t *list;

	if (len > UINT32_MAX)
		return NULL;
	list = d_rank_list_alloc((uint32_t)len);
	if (list != NULL)
		copy_ranks(list->rl_ranks, ints, (uint32_t)len);
	return list;
}

int
rank_list_to_uint32_array(d_rank_list_t *rl, uint32_t **ints, size_t *len)
{
	if (rl == NULL || ints == NULL || len == NULL)
		return -DER_INVAL;
	*ints = NULL;
	*len = rl->rl_nr;
	if (rl->rl_nr == 0)
		return 0;
	*ints = d_calloc(rl->rl_nr, sizeof(**ints));
	if (*ints == NULL)
		return -DER_NOMEM;
	copy_ranks(*ints, rl->rl_ranks, rl->rl_nr);
	return 0;
}

d_rank_range_list_t *
d_rank_range_list_alloc(uint32_t size)
{
	d_rank_range_list_t *list = d_calloc(1, sizeof(*list));

	if (list == NULL || size == 0)
		return list;
	list->rrl_ranges = d_calloc(size, sizeof(*list->rrl_ranges));
	if (list->rrl_ranges == NULL) {
		d_free(list);
		return NULL;
	}
	list->rrl_nr = size;
	return list;
}

d_rank_range_list_t *
d_rank_range_list_realloc(d_rank_range_list_t *range_list, uint32_t size)
{
	d_rank_range_t *ranges;

	if (range_list == NULL)
		return d_rank_range_list_alloc(size);
	if (size == 0) {
		d_rank_range_list_free(range_list);
		return NULL;
	}
	ranges = d_realloc(range_list->rrl_ranges, (size_t)size * sizeof(*ranges));
	if (ranges == NULL)
		return NULL;
	if (size > range_list->rrl_nr)
		memset(ranges + range_list->rrl_nr, 0, (size_t)(size - range_list->rrl_nr) * sizeof(*ranges));
	range_list->rrl_ranges = ranges;
	range_list->rrl_nr = size;
	return range_list;
}

d_rank_range_list_t *
d_rank_range_list_create_from_ranks(d_rank_list_t *rank_list)
{
	d_rank_range_list_t *list;
	uint32_t i, nr = 0;

	if (rank_list == NULL || rank_list->rl_nr == 0)
		return d_rank_range_list_alloc(0);
	d_rank_list_sort(rank_list);
	list = d_rank_range_list_alloc(rank_list->rl_nr);
	if (list == NULL)
		return NULL;
	for (i = 0; i < rank_list->rl_nr; i++) {
		d_rank_t rank = rank_list->rl_ranks[i];

		if (nr != 0 && rank - list->rrl_ranges[nr - 1].hi <= 1) {
			list->rrl_ranges[nr - 1].hi = rank;
		} else {
			list->rrl_ranges[nr].lo = rank;
			list->rrl_ranges[nr++].hi = rank;
		}
	}
	list->rrl_nr = nr;
	return list;
}

int
d_rank_range_list_str(d_rank_range_list_t *list, char **ranks_str)
{
	struct d_string_buffer_t text = {0};
	uint32_t i;

	if (list == NULL || ranks_str == NULL)
		return -DER_INVAL;
	*ranks_str = NULL;
	d_write_string_buffer(&text, "[");
	for (i = 0; i < list->rrl_nr; i++) {
		const d_rank_range_t *range = &list->rrl_ranges[i];

		d_write_string_buffer(&text, "%s%u", i == 0 ? "" : ",", range->lo);
		if (range->hi != range->lo)
			d_write_string_buffer(&text, "-%u", range->hi);
	}
	d_write_string_buffer(&text, "]");
	if (text.status != 0)
		return text.status;
	*ranks_str = text.str;
	return 0;
}

void
d_rank_range_list_free(d_rank_range_list_t *range_list)
{
	if (range_list == NULL)
		return;
	d_free(range_list->rrl_ranges);
	d_free(range_list);
}

int
d_rank_list_to_str(d_rank_list_t *rank_list, char **rank_str)
{
	d_rank_range_list_t *ranges;
	int rc;

	if (rank_list == NULL || rank_str == NULL)
		return -DER_INVAL;
	ranges = d_rank_range_list_create_from_ranks(rank_list);
	if (ranges == NULL)
		return -DER_NOMEM;
	rc = d_rank_range_list_str(ranges, rank_str);
	d_rank_range_list_free(ranges);
	return rc;
}

int
d_rank_list_dump(d_rank_list_t *rank_list, d_string_t name, int name_len)
{
	struct d_string_buffer_t text = {0};
	uint32_t i;
	int rc;

	if (rank_list == NULL)
		return -DER_INVAL;
	d_write_string_buffer(&text, "%u ranks:", rank_list->rl_nr);
	for (i = 0; i < rank_list->rl_nr; i++)
		d_write_string_buffer(&text, " %u", rank_list->rl_ranks[i]);
	rc = text.status;
	if (rc == 0)
		D_DEBUG(DB_TRACE, "%.*s: %s\n", name_len, name, text.str);
	d_free_string(&text);
	return rc;
}
