/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache and the ways up and down the tree.
 *
 *	fetch:   cached? --no--> one asker: root? --yes--> ops->fetch
 *	                                      '--no--> parent in the tree --unreachable--> root
 *	update:  at the root: a collective over the group; every rank takes the value and tells on_update
 *
 *	entry I1  version 0 means: no value. data belongs to the entry.
 *	entry I2  While asking, the entry is referenced and stays in the cache.
 *	entry I3  taking holds the entry from the change of its value until on_update returned (iv I3).
 *
 * Questions never go in a circle: a parent stands between its child and the root in the order of ranks that begins at the
 * root, in whatever version of the group; and who takes another rank for the root says so instead of asking on. Nothing is
 * durable: a restarted engine begins with an empty cache.
 */
#include "iv/iv.h"

#include "base/hash64.h"
#include "base/lru.h"
#include "proto/iv.h"

enum { KEY_MAX = 256, RATIO = 4 };

struct iv {
	struct rpc_ctx *rpc;
	struct env *env;
	struct mem *mem;
	struct member *member;
	uint64_t timeout_ns;
	struct iv_class_ops classes[IV_CLASS_NR];
	bool registered[IV_CLASS_NR];
	struct lru cache;
	struct list entries; /* all, in the order of their making */
};

struct name {
	uuid_t space;
	uint32_t cls, len;
	uint8_t key[KEY_MAX];
};

struct entry {
	struct lru_entry lru;
	struct list link;
	struct name name;
	uint64_t version;
	void *data;
	size_t len;
	bool asking;
	uint64_t dropped; /* while asking: versions up to it are not to be taken any more */
	int asked_rc;
	struct ult_cond asked;
	struct ult_mutex taking;
};

/* ---- the cache ---------------------------------------------------------------------------------------------------------- */

static uint64_t
name_hash(const void *key, uint64_t seed)
{
	const struct name *name = key;

	return hash64_bytes(name->key, name->len, hash64_bytes(name->space, sizeof(name->space), seed + name->cls));
}

static bool
name_equal(const struct hash_node *node, const void *key)
{
	const struct name *a = &lru_container_of_node(node, const struct entry, lru)->name, *b = key;

	return a->cls == b->cls && a->len == b->len && memcmp(a->space, b->space, sizeof(a->space)) == 0 &&
	       memcmp(a->key, b->key, a->len) == 0;
}

static void
entry_free(struct lru_entry *lru, void *arg)
{
	struct entry *entry = lru_container(lru, struct entry, lru);
	struct iv *iv = arg;

	list_remove(&entry->link);
	mem_free(iv->mem, entry->data);
	mem_free(iv->mem, entry);
}

static const struct lru_ops cache_ops = {.key = {.hash = name_hash, .equal = name_equal}, .free = entry_free};

/* -DER_INVAL: too long, or a class that nobody registered (-DER_UNREG). */
static int
name_of(const struct iv *iv, const struct iv_key *key, struct name *name)
{
	if (key->len > KEY_MAX)
		return -DER_INVAL;
	if ((uint32_t)key->cls >= IV_CLASS_NR || !iv->registered[key->cls])
		return -DER_UNREG;
	memcpy(name->space, key->space, sizeof(name->space));
	name->cls = key->cls;
	name->len = (uint32_t)key->len;
	if (key->len > 0)
		memcpy(name->key, key->key, key->len);
	return 0;
}

static struct iv_key
key_of(const struct name *name)
{
	return (struct iv_key){.space = name->space, .cls = (enum iv_class)name->cls, .key = name->key, .len = name->len};
}

/* The entry, made when there is none, with a reference. NULL: no memory. */
static struct entry *
entry_get(struct iv *iv, const struct name *name)
{
	struct lru_entry *lru = lru_get(&iv->cache, name);
	struct entry *entry;

	if (lru != NULL)
		return lru_container(lru, struct entry, lru);
	entry = MEM_NEW(iv->mem, struct entry);
	if (entry == NULL)
		return NULL;
	entry->name = *name;
	ult_cond_init(&entry->asked);
	ult_mutex_init(&entry->taking);
	list_append(&iv->entries, &entry->link);
	lru_insert(&iv->cache, &entry->lru, &entry->name);
	return entry;
}

static void
entry_put(struct iv *iv, struct entry *entry)
{
	/* What never got a value is not worth a place. */
	if (entry->version == 0 && entry->lru.refs == 1)
		lru_evict(&iv->cache, &entry->lru);
	lru_put(&iv->cache, &entry->lru);
}

/* iv I1, iv I3. YIELDS */
static int
entry_take(struct iv *iv, struct entry *entry, const struct iv_value *value)
{
	const struct iv_class_ops *ops = &iv->classes[entry->name.cls];
	struct iv_key key = key_of(&entry->name);
	void *data, *old;

	if (value->version <= entry->version)
		return 0;
	data = mem_alloc_aligned(iv->mem, value->len + 1, 16);
	if (data == NULL)
		return -DER_NOMEM;
	if (value->len > 0)
		memcpy(data, value->data, value->len);
	ult_mutex_lock(&entry->taking);
	if (value->version <= entry->version) { /* a newer one was faster */
		ult_mutex_unlock(&entry->taking);
		mem_free(iv->mem, data);
		return 0;
	}
	old = entry->data;
	entry->data = data;
	entry->len = value->len;
	entry->version = value->version;
	mem_free(iv->mem, old);
	if (ops->on_update != NULL)
		ops->on_update(ops->arg, &key, value);
	ult_mutex_unlock(&entry->taking);
	return 0;
}

static void
entry_drop(struct iv *iv, struct entry *entry)
{
	const struct iv_class_ops *ops = &iv->classes[entry->name.cls];
	struct iv_key key = key_of(&entry->name);

	ult_mutex_lock(&entry->taking);
	mem_free(iv->mem, entry->data);
	entry->data = NULL;
	entry->version = entry->len = 0;
	if (ops->on_update != NULL)
		ops->on_update(ops->arg, &key, NULL);
	ult_mutex_unlock(&entry->taking);
}

static int
entry_copy(const struct entry *entry, struct arena *arena, struct iv_value *value)
{
	*value = (struct iv_value){.version = entry->version, .data = arena_dup(arena, entry->data, entry->len), .len = entry->len};
	return value->data != NULL ? 0 : -DER_NOMEM;
}

/* ---- up ------------------------------------------------------------------------------------------------------------------- */

/* Our parent in the tree with this root; the root itself when we are not in the group. */
static uint32_t
parent_of(const struct iv *iv, uint32_t root)
{
	uint32_t nr, self_rank = rpc_node_rank(rpc_ctx_node(iv->rpc)), root_at = UINT32_MAX, self_at = UINT32_MAX;
	const uint32_t *ranks = member_ranks(iv->member, &nr);
	uint64_t place, step = RATIO;

	for (uint32_t i = 0; i < nr; i++) {
		root_at = ranks[i] == root ? i : root_at;
		self_at = ranks[i] == self_rank ? i : self_at;
	}
	if (root_at == UINT32_MAX || self_at == UINT32_MAX || root_at == self_at)
		return root;
	/* As in rpc's tree: the lowest digit that is not zero becomes zero. */
	place = ((uint64_t)self_at + nr - root_at) % nr;
	while (place % step == 0)
		step *= RATIO;
	return ranks[(place - place % step + root_at) % nr];
}

static int
ask_rank(struct iv *iv, uint32_t rank, uint32_t root, const struct name *name, uint64_t version, struct arena *arena,
	 struct iv_value *value)
{
	struct iv_fetch_in in = {.name = {.cls = name->cls, .key = {name->key, name->len}}, .root = root, .version = version};
	struct iv_fetch_out out = {0};
	struct rpc_peer *peer;
	struct rpc_call call;
	int rc = rpc_peer_rank(iv->rpc, rank, rpc_ctx_tag(iv->rpc), &peer);

	if (rc != 0)
		return rc;
	memcpy(in.name.space, name->space, sizeof(in.name.space));
	call = iv_fetch_call(peer, &in, &out, arena);
	call.deadline_ns = env_mono(iv->env) + iv->timeout_ns;
	rc = rpc_call(iv->rpc, &call, NULL);
	rpc_peer_put(peer);
	*value = (struct iv_value){.version = out.version, .data = out.value.data, .len = out.value.len};
	return rc;
}

/* A value newer than version, from where it can be had. YIELDS */
static int
ask(struct iv *iv, const struct name *name, uint64_t version, struct arena *arena, struct iv_value *value)
{
	const struct iv_class_ops *ops = &iv->classes[name->cls];
	uint32_t root = ops->root(ops->arg, name->space), self = rpc_node_rank(rpc_ctx_node(iv->rpc)), parent;
	struct iv_key key = key_of(name);
	int rc;

	if (root == RPC_NO_RANK)
		return -DER_NOTLEADER;
	if (root == self)
		return ops->fetch != NULL ? ops->fetch(ops->arg, &key, arena, value) : -DER_NONEXIST;
	parent = parent_of(iv, root);
	rc = ask_rank(iv, parent, root, name, version, arena, value);
	/* A parent that is gone, or does not know the root, is passed by. */
	if (rc != 0 && rc != -DER_NONEXIST && rc != -DER_NOMEM && parent != root)
		rc = ask_rank(iv, root, root, name, version, arena, value);
	return rc;
}

/* Asks for a value newer than version and takes it. 0 also when what came is not newer. YIELDS */
static int
refresh(struct iv *iv, struct entry *entry, uint64_t version)
{
	struct iv_value value = {0};
	struct arena arena;
	int rc;

	entry->asking = true;
	do {
		entry->dropped = 0;
		arena_init(&arena, iv->mem);
		rc = ask(iv, &entry->name, version, &arena, &value);
		/* What was dropped while it was on its way is asked for anew. */
		if (rc == 0 && value.version > entry->dropped)
			rc = entry_take(iv, entry, &value);
		arena_fini(&arena);
	} while (rc == 0 && value.version > version && value.version <= entry->dropped);
	entry->asking = false;
	entry->asked_rc = rc;
	ult_cond_broadcast(&entry->asked);
	return rc;
}

/* iv I2. YIELDS */
static int
bring(struct iv *iv, struct entry *entry, uint64_t version)
{
	int rc;

	while (entry->version <= version) {
		if (!entry->asking) {
			rc = refresh(iv, entry, version);
			return rc != 0 || entry->version > version ? rc : -DER_NONEXIST;
		}
		ult_cond_wait(&entry->asked, NULL);
		if (entry->asked_rc != 0 && entry->version <= version)
			return entry->asked_rc;
	}
	return 0;
}

int
iv_fetch(struct iv *iv, const struct iv_key *key, uint64_t wanted, struct arena *arena, struct iv_value *value)
{
	struct entry *entry;
	struct name name;
	int rc = name_of(iv, key, &name);

	if (rc != 0)
		return rc;
	entry = entry_get(iv, &name);
	if (entry == NULL)
		return -DER_NOMEM;
	rc = bring(iv, entry, wanted > 0 ? wanted - 1 : 0); /* anything newer will do */
	if (rc == 0)
		rc = entry_copy(entry, arena, value);
	entry_put(iv, entry);
	return rc;
}

/* ---- down ------------------------------------------------------------------------------------------------------------------ */

static int
take(struct iv *iv, const struct name *name, const struct iv_value *value)
{
	struct entry *entry = entry_get(iv, name);
	int rc;

	if (entry == NULL)
		return -DER_NOMEM;
	rc = entry_take(iv, entry, value);
	entry_put(iv, entry);
	return rc;
}

static bool
falls_under(const struct entry *entry, const struct name *name)
{
	return entry->name.cls == name->cls && memcmp(entry->name.space, name->space, sizeof(name->space)) == 0 &&
	       (name->len == 0 || name_equal(&entry->lru.node, name));
}

/*
 * Values of that name, or with len 0 of all keys of its class, up to version. Everybody above us in the tree has dropped
 * them before (RPC_TOP_DOWN), so they cannot come back from there; what is on its way to us is not taken. YIELDS
 */
static void
drop(struct iv *iv, const struct name *name, uint64_t version)
{
	struct list *at = iv->entries.next;

	while (at != &iv->entries) {
		struct entry *entry = list_entry(at, struct entry, link);

		if (!falls_under(entry, name)) {
			at = at->next;
			continue;
		}
		if (entry->asking)
			entry->dropped = MAX(entry->dropped, version);
		if (entry->version == 0 || entry->version > version) {
			at = at->next;
			continue;
		}
		entry_get(iv, &entry->name); /* it is there: this only takes a reference */
		entry_drop(iv, entry);
		at = at->next; /* ours still stands in the list; what stood behind it may have changed */
		entry_put(iv, entry);
	}
}

static int
is_root(const struct iv *iv, const struct name *name)
{
	const struct iv_class_ops *ops = &iv->classes[name->cls];

	return ops->root(ops->arg, name->space) == rpc_node_rank(rpc_ctx_node(iv->rpc)) ? 0 : -DER_NOTLEADER;
}

/* To every rank of the group. YIELDS */
static int
spread(struct iv *iv, rpc_opc opc, const void *in, void *out)
{
	struct rpc_collect collect = {.opc = opc, .in = in, .out = out, .tag = rpc_ctx_tag(iv->rpc),
				      .deadline_ns = env_mono(iv->env) + iv->timeout_ns};
	struct arena arena;
	uint32_t nr;
	int rc;

	collect.ranks = member_ranks(iv->member, &nr);
	collect.rank_nr = nr;
	if (nr <= 1)
		return 0;
	arena_init(&arena, iv->mem);
	collect.arena = &arena;
	rc = rpc_collect(iv->rpc, &collect);
	arena_fini(&arena);
	return rc;
}

int
iv_update(struct iv *iv, const struct iv_key *key, const struct iv_value *value)
{
	struct iv_update_in in = {.version = value->version, .value = {value->data, (uint32_t)value->len}};
	struct iv_update_out out;
	struct name name;
	int rc = name_of(iv, key, &name);

	ASSERT(value->version > 0);
	if (rc == 0)
		rc = is_root(iv, &name);
	if (rc == 0 && value->len > RPC_BODY_MAX / 2)
		rc = -DER_OVERFLOW;
	if (rc == 0)
		rc = take(iv, &name, value);
	if (rc != 0)
		return rc;
	in.name.cls = name.cls;
	in.name.key = (proto_bytes){name.key, name.len};
	memcpy(in.name.space, name.space, sizeof(in.name.space));
	return spread(iv, opc_iv_update, &in, &out);
}

int
iv_invalidate(struct iv *iv, const struct iv_key *key, uint64_t version)
{
	struct iv_invalidate_in in = {.version = version};
	struct iv_invalidate_out out;
	struct name name;
	int rc = name_of(iv, key, &name);

	if (rc == 0)
		rc = is_root(iv, &name);
	if (rc != 0)
		return rc;
	drop(iv, &name, version);
	in.name.cls = name.cls;
	in.name.key = (proto_bytes){name.key, name.len};
	memcpy(in.name.space, name.space, sizeof(in.name.space));
	return spread(iv, opc_iv_invalidate, &in, &out);
}

void
iv_forget(struct iv *iv, const struct iv_key *key)
{
	struct name name;

	if (name_of(iv, key, &name) == 0)
		drop(iv, &name, UINT64_MAX);
}

/* ---- what other ranks ask and tell -------------------------------------------------------------------------------------------- */

static int
name_in(const struct iv *iv, const struct iv_name *in, struct name *name)
{
	struct iv_key key = {.space = in->space, .cls = (enum iv_class)in->cls, .key = in->key.data, .len = in->key.len};

	return in->cls < IV_CLASS_NR ? name_of(iv, &key, name) : -DER_UNREG;
}

static int
serve_fetch(void *owner, struct rpc_req *req)
{
	const struct iv_fetch_in *in = req->in;
	struct iv_fetch_out *out = req->out;
	struct iv_value value = {0};
	struct iv *iv = owner;
	struct iv_key key;
	struct name name;
	int rc = name_in(iv, &in->name, &name);

	if (rc != 0)
		return rc;
	if (in->version == UINT64_MAX)
		return -DER_INVAL;
	if (iv->classes[name.cls].root(iv->classes[name.cls].arg, name.space) != in->root)
		return -DER_NOTLEADER;
	key = key_of(&name);
	rc = iv_fetch(iv, &key, in->version + 1, &req->arena, &value);
	out->version = value.version;
	out->value = (proto_bytes){value.data, (uint32_t)value.len};
	return rc;
}

static int
serve_update(void *owner, struct rpc_req *req)
{
	const struct iv_update_in *in = req->in;
	struct iv_value value = {.version = in->version, .data = in->value.data, .len = in->value.len};
	struct name name;
	int rc = name_in(owner, &in->name, &name);

	return rc == 0 ? take(owner, &name, &value) : rc;
}

static int
serve_invalidate(void *owner, struct rpc_req *req)
{
	const struct iv_invalidate_in *in = req->in;
	struct name name;
	int rc = name_in(owner, &in->name, &name);

	if (rc == 0)
		drop(owner, &name, in->version);
	return rc;
}

static const rpc_handler handlers[iv_op_nr] = {
	[op_iv_fetch] = serve_fetch,
	[op_iv_update] = serve_update,
	[op_iv_invalidate] = serve_invalidate,
};

/* ---- life ------------------------------------------------------------------------------------------------------------------------ */

int
iv_create(const struct iv_config *config, struct iv **out)
{
	struct env *env = xs_env(rpc_ctx_xs(config->rpc));
	struct iv *iv = MEM_NEW(env->mem, struct iv);
	int rc;

	if (iv == NULL)
		return -DER_NOMEM;
	iv->rpc = config->rpc;
	iv->env = env;
	iv->mem = env->mem;
	iv->member = config->member;
	iv->timeout_ns = config->timeout_ns != 0 ? config->timeout_ns : 10 * NS_PER_S;
	list_init(&iv->entries);
	lru_init(&iv->cache, iv->mem, &cache_ops, iv, config->cache != 0 ? config->cache : 4096, env_rand(env));
	rc = rpc_serve(iv->rpc, &proto_iv, handlers, iv);
	if (rc != 0) {
		iv_destroy(iv);
		return rc;
	}
	*out = iv;
	return 0;
}

void
iv_destroy(struct iv *iv)
{
	lru_fini(&iv->cache);
	mem_free(iv->mem, iv);
}

int
iv_register(struct iv *iv, enum iv_class cls, const struct iv_class_ops *ops)
{
	if ((uint32_t)cls >= IV_CLASS_NR || ops->root == NULL)
		return -DER_INVAL;
	if (iv->registered[cls])
		return -DER_EXIST;
	iv->classes[cls] = *ops;
	iv->registered[cls] = true;
	return 0;
}
