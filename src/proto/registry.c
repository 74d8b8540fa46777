/* SPDX-License-Identifier: Apache-2.0 */
/* proto/registry: the table of tables. */
#include "proto/registry.h"

#define POINTER(name) &proto_##name,

const struct rpc_proto *const proto_all[] = {PROTO_ALL(POINTER) NULL};
const struct rpc_proto *const proto_every[] = {PROTO_ALL(POINTER) PROTO_LOCALS(POINTER) NULL};

const struct rpc_op *
proto_op(rpc_opc opc)
{
	for (const struct rpc_proto *const *proto = proto_every; *proto != NULL; proto++)
		if ((*proto)->id == opc >> 16)
			return (opc & 0xffff) < (*proto)->nr ? &(*proto)->ops[opc & 0xffff] : NULL;
	return NULL;
}

const char *
proto_op_name(rpc_opc opc)
{
	const struct rpc_op *op = proto_op(opc);

	return op != NULL ? op->name : "?";
}
