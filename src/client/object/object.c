/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open objects, and the one way in which a call to a shard is made and repeated. Everything but open and close may yield.
 */
#include "internal.h"

int
object_open(struct cont *cont, daos_obj_id_t oid, uint32_t mode, struct object **result)
{
	struct mem *mem = client_mem(cont_client(cont));
	struct object *object = MEM_NEW(mem, struct object);
	int rc;

	if (object == NULL)
		return -DER_NOMEM;
	object->cont = cont_get(cont);
	object->oid = oid;
	object->mode = mode;
	object->refs = 1;
	rc = object__layout(object);
	if (rc == 0 && (mode & (DAOS_OO_RW | DAOS_OO_EXCL)) != 0 && !cont_writable(cont))
		rc = -DER_NO_PERM;
	if (rc != 0) {
		object_close(object);
		return rc;
	}
	*result = object;
	return 0;
}

struct object *
object_get(struct object *object)
{
	object->refs++;
	return object;
}

void
object_close(struct object *object)
{
	struct mem *mem = client_mem(cont_client(object->cont));

	ASSERT(object->refs > 0);
	if (--object->refs > 0)
		return;
	mem_free(mem, object->groups);
	cont_put(object->cont);
	mem_free(mem, object);
}

daos_obj_id_t
object_id(const struct object *object)
{
	return object->oid;
}

struct cont *
object_cont(const struct object *object)
{
	return object->cont;
}

/* ---- calls ----------------------------------------------------------------------------------------------------------------- */
struct repeat {
	struct object_call *call;
	struct client_call *rpc;
};

static void
aim(struct object_call *call, struct client_call *rpc)
{
	const struct object_group *group = &call->object->groups[call->group];
	struct object_at *at = call->in;

	at->shard = group->shard;
	at->map_version = call->object->map_version;
	rpc->rank = group->rank;
	rpc->tag = group->target + 1; /* tag 0 is stream 0, target i listens with tag i + 1 */
}

/* The map moved on: find the shard again. */
static int
aim_again(void *arg, struct client_call *rpc, int status)
{
	struct object_call *call = arg;
	const struct object_hint *hint = call->out;
	struct pool *pool = cont_pool(call->object->cont);
	int rc;

#ifdef PLANTED_client_new_id
	if (call->opc == opc_object_tx_commit) {
		struct object_tx_commit_in *in = call->in;

		client_new_id(cont_client(call->object->cont), in->dtx.client, &in->dtx.hlc);
	}
#endif
	if (status != -DER_STALE && status != -DER_OOG)
		return 0;
	rc = pool_map_refresh(pool, hint->map_version);
	if (rc == 0)
		rc = object__layout(call->object);
	if (rc == 0 && call->group >= call->object->group_nr)
		rc = -DER_STALE;
	if (rc == 0 && call->aimed != NULL)
		rc = call->aimed(call->arg);
	if (rc == 0)
		aim(call, rpc);
	return rc;
}

int
object__call(struct object_call *call)
{
	struct cont *cont = call->object->cont;
	struct client_call rpc = {.opc = call->opc,
				  .in = call->in,
				  .out = call->out,
				  .arena = call->arena,
				  .expose = call->expose,
				  .expose_nr = call->expose_nr,
				  .expose_access = call->expose_access,
				  .bulk = call->bulk,
				  .again = aim_again,
				  .arg = call};
	struct object_at *at = call->in;
	int rc;

	memcpy(at->pool, pool_uuid(cont_pool(cont)), sizeof(uuid_t));
	at->oid = call->object->oid;
	do { /* a handle that was taken away may be followed by another */
		memcpy(at->handle, cont_handle(cont), sizeof(uuid_t));
		aim(call, &rpc);
		rc = client_call(cont_client(cont), &rpc);
		if (rc != -DER_NO_HDL)
			return rc;
		rc = cont_revive(cont, at->handle, at->oid);
	} while (rc == 0);
	return rc;
}
