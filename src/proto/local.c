/* SPDX-License-Identifier: Apache-2.0 */
/* proto/local: see the door. Nothing is kept between calls; a crash in the middle leaves nothing. */
#include "proto/local.h"

#include "base/codec.h"

static int
unpack_body(struct unpacker *in, const struct rpc_body *body, uint32_t version, struct arena *arena, void **value)
{
	*value = arena_alloc(arena, MAX(body->size, (size_t)1));
	if (*value == NULL)
		return -DER_NOMEM;
	body->unpack(in, *value, version, arena);
	return unpacker_rc(in);
}

/* Bytes in the arena: a packer that counts, then one that stores. */
static int
pack_into(struct arena *arena, uint32_t first, const struct rpc_body *body, const void *value, uint32_t version, const uint8_t **data,
	  size_t *len)
{
	struct packer packer;
	uint8_t *buf;

	packer_init_count(&packer);
	pack_u32(&packer, first);
	if (value != NULL)
		body->pack(&packer, value, version);
	if (packer_rc(&packer) != 0)
		return packer_rc(&packer);
	*len = packer_len(&packer);
	if (*len > DRPC_PACKET_MAX / 2)
		return -DER_OVERFLOW;
	buf = arena_alloc(arena, *len);
	if (buf == NULL)
		return -DER_NOMEM;
	packer_init(&packer, buf, *len);
	pack_u32(&packer, first);
	if (value != NULL)
		body->pack(&packer, value, version);
	*data = buf;
	return packer_rc(&packer);
}

void
proto_local_serve(void *proto_local, struct drpc_request *request)
{
	const struct proto_local *local = proto_local;
	const struct rpc_op *op;
	struct unpacker in;
	uint32_t version;
	void *body, *out;
	int rc;

	if (request->method < 0 || (uint32_t)request->method >= local->proto->nr) {
		request->status = DRPC_UNKNOWN_METHOD;
		return;
	}
	op = &local->proto->ops[request->method];
	unpacker_init(&in, request->body, request->body_len);
	version = MIN(unpack_u32(&in), local->proto->version);
	rc = version < local->proto->oldest ? -DER_PROTO : unpack_body(&in, &op->in, version, &request->arena, &body);
	if (rc != 0) {
		request->status = DRPC_FAILED_UNMARSHAL_PAYLOAD;
		return;
	}
	out = arena_alloc(&request->arena, MAX(op->out.size, (size_t)1));
	if (out == NULL)
		rc = -DER_NOMEM;
	else if (local->handlers[request->method] == NULL)
		rc = -DER_NOSYS;
	else
		rc = local->handlers[request->method](local->owner, &request->cred, &request->arena, body, out);
	rc = pack_into(&request->arena, (uint32_t)rc, &op->out, rc == 0 ? out : NULL, version, &request->answer, &request->answer_len);
	request->status = rc == 0 ? DRPC_SUCCESS : DRPC_FAILED_MARSHAL;
}

int
proto_local_call(struct drpc_client *client, uint32_t module, const struct rpc_proto *proto, rpc_opc opc, const void *in, void *out,
		 uint64_t deadline_ns, struct arena *arena)
{
	uint32_t row = opc & 0xffff;
	const struct rpc_op *op;
	enum drpc_status status;
	const uint8_t *body, *answer;
	size_t body_len, answer_len;
	struct unpacker unpacker;
	int rc, verdict;

	ASSERT(opc >> 16 == proto->id && row < proto->nr);
	op = &proto->ops[row];
	rc = pack_into(arena, proto->version, &op->in, in, proto->version, &body, &body_len);
	if (rc != 0)
		return rc;
	rc = drpc_call(client, module, (int32_t)row, body, body_len, deadline_ns, arena, &status, &answer, &answer_len);
	if (rc != 0)
		return rc;
	if (status == DRPC_UNKNOWN_MODULE || status == DRPC_UNKNOWN_METHOD)
		return -DER_NOSYS;
	if (status != DRPC_SUCCESS)
		return -DER_PROTO;
	unpacker_init(&unpacker, answer, answer_len);
	verdict = unpack_i32(&unpacker);
	if (unpacker_rc(&unpacker) != 0)
		return -DER_PROTO;
	if (verdict == 0)
		op->out.unpack(&unpacker, out, proto->version, arena);
	return unpacker_rc(&unpacker) != 0 ? unpacker_rc(&unpacker) : verdict;
}
