/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls and responses to packets and back (drpc.proto). protobuf-c is given an allocator that takes from an arena and frees
 * nothing; so what it builds dies with the request, whatever the bytes were.
 */
#include "frame.h"

#include "drpc.pb-c.h"

_Static_assert((int)DRPC__STATUS__SUCCESS == DRPC_SUCCESS && (int)DRPC__STATUS__SUBMITTED == DRPC_SUBMITTED &&
	       (int)DRPC__STATUS__FAILURE == DRPC_FAILURE && (int)DRPC__STATUS__UNKNOWN_MODULE == DRPC_UNKNOWN_MODULE &&
	       (int)DRPC__STATUS__UNKNOWN_METHOD == DRPC_UNKNOWN_METHOD &&
	       (int)DRPC__STATUS__FAILED_UNMARSHAL_CALL == DRPC_FAILED_UNMARSHAL_CALL &&
	       (int)DRPC__STATUS__FAILED_UNMARSHAL_PAYLOAD == DRPC_FAILED_UNMARSHAL_PAYLOAD &&
	       (int)DRPC__STATUS__FAILED_MARSHAL == DRPC_FAILED_MARSHAL, "drpc.proto and drpc.h say the same");

struct source {
	struct arena *arena;
	bool empty; /* it had no memory */
};

static void *
source_alloc(void *data, size_t size)
{
	struct source *source = data;
	void *ptr = arena_alloc(source->arena, size);

	source->empty |= ptr == NULL;
	return ptr;
}

static void
source_free(void *data, void *ptr)
{
}

static int
encode(const ProtobufCMessage *message, struct arena *arena, void **data, size_t *len)
{
	*len = protobuf_c_message_get_packed_size(message);
	if (*len > DRPC_PACKET_MAX)
		return -DER_OVERFLOW;
	*data = arena_alloc(arena, *len);
	if (*data == NULL)
		return -DER_NOMEM;
	protobuf_c_message_pack(message, *data);
	return 0;
}

static ProtobufCBinaryData
body_of(const struct drpc_frame *frame)
{
	return (ProtobufCBinaryData){.len = frame->body_len, .data = (uint8_t *)(uintptr_t)frame->body};
}

int
drpc__call_encode(const struct drpc_frame *frame, struct arena *arena, void **data, size_t *len)
{
	Drpc__Call call = DRPC__CALL__INIT;

	call.module = (int32_t)frame->module;
	call.method = frame->method;
	call.sequence = frame->sequence;
	call.body = body_of(frame);
	return encode(&call.base, arena, data, len);
}

int
drpc__response_encode(const struct drpc_frame *frame, struct arena *arena, void **data, size_t *len)
{
	Drpc__Response response = DRPC__RESPONSE__INIT;

	response.sequence = frame->sequence;
	response.status = (Drpc__Status)frame->status;
	response.body = body_of(frame);
	return encode(&response.base, arena, data, len);
}

int
drpc__call_decode(const void *data, size_t len, struct arena *arena, struct drpc_frame *frame)
{
	struct source source = {.arena = arena};
	ProtobufCAllocator allocator = {.alloc = source_alloc, .free = source_free, .allocator_data = &source};
	Drpc__Call *call = len <= DRPC_PACKET_MAX ? drpc__call__unpack(&allocator, len, data) : NULL;

	if (call == NULL)
		return source.empty ? -DER_NOMEM : -DER_PROTO;
	*frame = (struct drpc_frame){.module = (uint32_t)call->module, .method = call->method, .sequence = call->sequence,
				     .body = call->body.data, .body_len = call->body.len};
	return 0;
}

int
drpc__response_decode(const void *data, size_t len, struct arena *arena, struct drpc_frame *frame)
{
	struct source source = {.arena = arena};
	ProtobufCAllocator allocator = {.alloc = source_alloc, .free = source_free, .allocator_data = &source};
	Drpc__Response *response = len <= DRPC_PACKET_MAX ? drpc__response__unpack(&allocator, len, data) : NULL;

	if (response == NULL)
		return source.empty ? -DER_NOMEM : -DER_PROTO;
	*frame = (struct drpc_frame){.sequence = response->sequence, .status = (enum drpc_status)response->status,
				     .body = response->body.data, .body_len = response->body.len};
	return 0;
}
