/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libgurt: tables of handles (d_hhash) and of UUIDs (d_uhash) over gurt_hash.c, with links that count references.
 *
 *  I1  A cookie is (number << 4 | type) with an odd type, or the address of its link (type D_HTYPE_PTR, even) when the
 *      table was told so. Such links are in no bucket: the cookie is trusted to be alive.
 *  I2  A link starts with the reference of its maker; the table holds one more while the link is in it.
 */
#include <gurt/common.h>
#include <gurt/hash.h>

struct d_hhash {
	struct d_hash_table table;
	uint64_t next; /* number of the next cookie */
	bool ptrtype;
};

/* ---- links ------------------------------------------------------------------------------------------------------ */

static struct d_rlink *
rlink_of(d_list_t *link)
{
	return d_list_entry(link, struct d_rlink, rl_link);
}

static void
rlink_init(struct d_rlink *rlink)
{
	D_INIT_LIST_HEAD(&rlink->rl_link);
	rlink->rl_initialized = 1;
	atomic_store_relaxed(&rlink->rl_ref, 1);
}

static void
rlink_addref(struct d_rlink *rlink)
{
	D_ASSERT(rlink->rl_initialized);
	atomic_fetch_add_relaxed(&rlink->rl_ref, 1);
}

/** Whether the last reference is gone. What other threads did with theirs has happened before. */
static bool
rlink_decref(struct d_rlink *rlink)
{
	uint32_t before = atomic_fetch_sub_explicit(&rlink->rl_ref, 1, memory_order_acq_rel);

	D_ASSERTF(before > 0, "more references dropped than taken\n");
	return before == 1;
}

static void
op_addref(struct d_hash_table *table, d_list_t *link)
{
	(void)table;
	rlink_addref(rlink_of(link));
}

static bool
op_decref(struct d_hash_table *table, d_list_t *link)
{
	(void)table;
	return rlink_decref(rlink_of(link));
}

/* ---- handles ---------------------------------------------------------------------------------------------------- */

static struct d_hlink *
hlink_of(d_list_t *link)
{
	return d_list_entry(link, struct d_hlink, hl_link.rl_link);
}

static uint32_t
hash_of_cookie(uint64_t cookie)
{
	return (uint32_t)(cookie >> D_HTYPE_BITS);
}

static uint32_t
hh_key_hash(struct d_hash_table *table, const void *key, unsigned int ksize)
{
	(void)table;
	(void)ksize;
	return hash_of_cookie(*(const uint64_t *)key);
}

static uint32_t
hh_rec_hash(struct d_hash_table *table, d_list_t *link)
{
	(void)table;
	return hash_of_cookie(hlink_of(link)->hl_key);
}

static bool
hh_key_cmp(struct d_hash_table *table, d_list_t *link, const void *key, unsigned int ksize)
{
	(void)table;
	(void)ksize;
	return hlink_of(link)->hl_key == *(const uint64_t *)key;
}

/** The next cookie: the lock around it is that of the table's keys. */
static void
hh_key_init(struct d_hash_table *table, d_list_t *link, void *arg)
{
	struct d_hhash *hhash = container_of(table, struct d_hhash, table);

	hlink_of(link)->hl_key = (hhash->next++ << D_HTYPE_BITS) | (uint64_t)*(int *)arg;
}

static void
hlink_free(struct d_hlink *hlink)
{
	if (hlink->hl_ops != NULL && hlink->hl_ops->hop_free != NULL)
		hlink->hl_ops->hop_free(hlink);
}

static void
hh_rec_free(struct d_hash_table *table, d_list_t *link)
{
	(void)table;
	hlink_free(hlink_of(link));
}

static d_hash_table_ops_t hhash_ops = {
	.hop_key_cmp = hh_key_cmp,
	.hop_key_init = hh_key_init,
	.hop_key_hash = hh_key_hash,
	.hop_rec_hash = hh_rec_hash,
	.hop_rec_addref = op_addref,
	.hop_rec_decref = op_decref,
	.hop_rec_free = hh_rec_free,
};

int
d_hhash_create(uint32_t feats, uint32_t bits, struct d_hhash **hhash)
{
	struct d_hhash *new_hash;
	int rc;

	if (hhash == NULL)
		return -DER_INVAL;
	new_hash = d_calloc(1, sizeof(*new_hash));
	if (new_hash == NULL)
		return -DER_NOMEM;
	new_hash->next = 1;
	rc = d_hash_table_create_inplace(feats, bits, NULL, &hhash_ops, &new_hash->table);
	if (rc != 0) {
		d_free(new_hash);
		return rc;
	}
	*hhash = new_hash;
	return 0;
}

void
d_hhash_destroy(struct d_hhash *hhash)
{
	d_hash_table_destroy_inplace(&hhash->table, true);
	d_free(hhash);
}

int
d_hhash_set_ptrtype(struct d_hhash *hhash)
{
	if (!hhash->ptrtype && d_hash_rec_first(&hhash->table) != NULL)
		return -DER_ALREADY;
	hhash->ptrtype = true;
	return 0;
}

bool
d_hhash_is_ptrtype(struct d_hhash *hhash)
{
	return hhash->ptrtype;
}

int
d_hhash_key_type(uint64_t key)
{
	return d_hhash_key_isptr(key) ? D_HTYPE_PTR : (int)(key & D_HTYPE_MASK);
}

bool
d_hhash_key_isptr(uint64_t key)
{
	return (key & 1) == 0;
}

void
d_hhash_hlink_init(struct d_hlink *hlink, struct d_hlink_ops *hl_ops)
{
	hlink->hl_key = 0;
	hlink->hl_ops = hl_ops;
	rlink_init(&hlink->hl_link);
}

void
d_hhash_link_insert(struct d_hhash *hhash, struct d_hlink *hlink, int type)
{
	D_ASSERT(hlink->hl_link.rl_initialized);
	if (type == D_HTYPE_PTR && hhash->ptrtype) {
		hlink->hl_key = (uint64_t)(uintptr_t)hlink;
		rlink_addref(&hlink->hl_link);
		return;
	}
	D_ASSERTF((type & 1) != 0 && (uint64_t)type <= D_HTYPE_MASK, "type %d of a handle is not odd\n", type);
	d_hash_rec_insert_anonym(&hhash->table, &hlink->hl_link.rl_link, &type);
}

/** Whether a link has its own address as its cookie. */
static bool
is_pointer(struct d_hlink *hlink)
{
	return hlink->hl_key == (uint64_t)(uintptr_t)hlink;
}

struct d_hlink *
d_hhash_link_lookup(struct d_hhash *hhash, uint64_t key)
{
	d_list_t *link;

	if (key == 0)
		return NULL;
	if (d_hhash_key_isptr(key)) {
		struct d_hlink *hlink = (struct d_hlink *)(uintptr_t)key;

		if (!hhash->ptrtype || !is_pointer(hlink))
			return NULL;
		rlink_addref(&hlink->hl_link);
		return hlink;
	}
	link = d_hash_rec_find(&hhash->table, &key, sizeof(key));
	return link == NULL ? NULL : hlink_of(link);
}

void
d_hhash_link_getref(struct d_hhash *hhash, struct d_hlink *hlink)
{
	(void)hhash;
	rlink_addref(&hlink->hl_link);
}

void
d_hhash_link_putref(struct d_hhash *hhash, struct d_hlink *hlink)
{
	(void)hhash;
	if (rlink_decref(&hlink->hl_link))
		hlink_free(hlink);
}

bool
d_hhash_link_delete(struct d_hhash *hhash, struct d_hlink *hlink)
{
	if (is_pointer(hlink)) {
		hlink->hl_key = 0;
		d_hhash_link_putref(hhash, hlink);
		return true;
	}
	return d_hash_rec_delete_at(&hhash->table, &hlink->hl_link.rl_link);
}

bool
d_hhash_link_empty(struct d_hlink *hlink)
{
	return !hlink->hl_link.rl_initialized || (d_hash_rec_unlinked(&hlink->hl_link.rl_link) && !is_pointer(hlink));
}

void
d_hhash_link_key(struct d_hlink *hlink, uint64_t *key)
{
	*key = hlink->hl_key;
}

struct traverse {
	int type;
	d_hhash_traverse_cb_t cb;
	void *arg;
};

static int
traverse_one(d_list_t *link, void *arg)
{
	struct d_hlink *hlink = hlink_of(link);
	struct traverse *t = arg;

	return d_hhash_key_type(hlink->hl_key) == t->type ? t->cb(hlink, t->arg) : 0;
}

int
d_hhash_traverse(struct d_hhash *hhash, int type, d_hhash_traverse_cb_t cb, void *arg)
{
	struct traverse t = {.type = type, .cb = cb, .arg = arg};

	return cb == NULL ? -DER_INVAL : d_hash_table_traverse(&hhash->table, traverse_one, &t);
}

/* ---- UUIDs ------------------------------------------------------------------------------------------------------ */

/** What records are looked up by. */
struct uuid_key {
	const struct d_uuid *uuid;
	void *cmp_args;
};

static struct d_ulink *
ulink_of(d_list_t *link)
{
	return d_list_entry(link, struct d_ulink, ul_link.rl_link);
}

static uint32_t
hash_of_uuid(const struct d_uuid *uuid)
{
	return d_hash_string_u32((const char *)uuid->uuid, sizeof(uuid->uuid));
}

static uint32_t
uh_key_hash(struct d_hash_table *table, const void *key, unsigned int ksize)
{
	(void)table;
	(void)ksize;
	return hash_of_uuid(((const struct uuid_key *)key)->uuid);
}

static uint32_t
uh_rec_hash(struct d_hash_table *table, d_list_t *link)
{
	(void)table;
	return hash_of_uuid(&ulink_of(link)->ul_uuid);
}

static bool
uh_key_cmp(struct d_hash_table *table, d_list_t *link, const void *key, unsigned int ksize)
{
	const struct uuid_key *wanted = key;
	struct d_ulink *ulink = ulink_of(link);

	(void)table;
	(void)ksize;
	if (uuid_compare(ulink->ul_uuid.uuid, wanted->uuid->uuid) != 0)
		return false;
	return ulink->ul_ops == NULL || ulink->ul_ops->uop_cmp == NULL ||
	       ulink->ul_ops->uop_cmp(ulink, wanted->cmp_args);
}

static void
uh_rec_free(struct d_hash_table *table, d_list_t *link)
{
	struct d_ulink *ulink = ulink_of(link);

	(void)table;
	if (ulink->ul_ops != NULL && ulink->ul_ops->uop_free != NULL)
		ulink->ul_ops->uop_free(ulink);
}

static d_hash_table_ops_t uhash_ops = {
	.hop_key_cmp = uh_key_cmp,
	.hop_key_hash = uh_key_hash,
	.hop_rec_hash = uh_rec_hash,
	.hop_rec_addref = op_addref,
	.hop_rec_decref = op_decref,
	.hop_rec_free = uh_rec_free,
};

int
d_uhash_create(uint32_t feats, uint32_t bits, struct d_hash_table **htable)
{
	return d_hash_table_create(feats, bits, NULL, &uhash_ops, htable);
}

void
d_uhash_destroy(struct d_hash_table *htable)
{
	d_hash_table_destroy(htable, true);
}

void
d_uhash_ulink_init(struct d_ulink *ulink, struct d_ulink_ops *ul_ops)
{
	ulink->ul_ops = ul_ops;
	rlink_init(&ulink->ul_link);
}

bool
d_uhash_link_empty(struct d_ulink *ulink)
{
	return !ulink->ul_link.rl_initialized || d_hash_rec_unlinked(&ulink->ul_link.rl_link);
}

bool
d_uhash_link_last_ref(struct d_ulink *ulink)
{
	return atomic_load_relaxed(&ulink->ul_link.rl_ref) == 1;
}

void
d_uhash_link_addref(struct d_hash_table *htable, struct d_ulink *ulink)
{
	d_hash_rec_addref(htable, &ulink->ul_link.rl_link);
}

void
d_uhash_link_putref(struct d_hash_table *htable, struct d_ulink *ulink)
{
	d_hash_rec_decref(htable, &ulink->ul_link.rl_link);
}

void
d_uhash_link_delete(struct d_hash_table *htable, struct d_ulink *ulink)
{
	d_hash_rec_delete_at(htable, &ulink->ul_link.rl_link);
}

int
d_uhash_link_insert(struct d_hash_table *htable, struct d_uuid *key, void *cmp_args, struct d_ulink *ulink)
{
	struct uuid_key wanted = {.uuid = key, .cmp_args = cmp_args};

	D_ASSERT(ulink->ul_link.rl_initialized);
	uuid_copy(ulink->ul_uuid.uuid, key->uuid);
	return d_hash_rec_insert(htable, &wanted, sizeof(wanted), &ulink->ul_link.rl_link, true);
}

struct d_ulink *
d_uhash_link_lookup(struct d_hash_table *htable, struct d_uuid *key, void *cmp_args)
{
	struct uuid_key wanted = {.uuid = key, .cmp_args = cmp_args};
	d_list_t *link = d_hash_rec_find(htable, &wanted, sizeof(wanted));

	return link == NULL ? NULL : ulink_of(link);
}
