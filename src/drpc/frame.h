/* SPDX-License-Identifier: Apache-2.0 */
/* Calls and responses to packets and back: protobuf, with all memory from an arena. Pure. */
#ifndef DRPC_FRAME_H
#define DRPC_FRAME_H

#include "drpc/drpc.h"

struct drpc_frame {
	uint32_t module;   /* of a call */
	int32_t method;    /* of a call */
	int64_t sequence;
	enum drpc_status status; /* of a response */
	const uint8_t *body;
	size_t body_len;
};

/** The packet, from arena. -DER_OVERFLOW beyond DRPC_PACKET_MAX, -DER_NOMEM. */
int drpc__call_encode(const struct drpc_frame *frame, struct arena *arena, void **data, size_t *len);
int drpc__response_encode(const struct drpc_frame *frame, struct arena *arena, void **data, size_t *len);
/** Hostile bytes. The body is a copy in arena. -DER_PROTO, -DER_NOMEM. */
int drpc__call_decode(const void *data, size_t len, struct arena *arena, struct drpc_frame *frame);
int drpc__response_decode(const void *data, size_t len, struct arena *arena, struct drpc_frame *frame);

#endif
