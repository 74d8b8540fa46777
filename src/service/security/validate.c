/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's side: is a credential sound? The server at its socket knows the key and answers; what it found sound is
 * remembered, by the whole token, until it expires. Stream 0 only.
 *
 * dRPC: module DRPC_MODULE_SECURITY, method 1, body: the token; status DRPC_SUCCESS with an i32 answer: 0 or -DER_NO_PERM.
 */
#include "internal.h"

#include "base/codec.h"
#include "base/hash.h"
#include "base/hash64.h"
#include "base/list.h"
#include "drpc/drpc.h"

#define METHOD_VALIDATE 1
#define REMEMBER_MAX 1024U
#define ANSWER_WITHIN_NS (10 * NS_PER_S)

/* A token that was sound. */
struct sound {
	struct list link; /* oldest first */
	uint64_t hash, expires_s;
	size_t len;
	uint8_t token[];
};

struct security {
	struct env *env;
	struct drpc_client *server; /* NULL: key is used */
	uint8_t pub[SECURITY_KEY_LEN];
	bool have_key;
	struct list sounds;
	uint32_t nr;
};

int
security_create(struct env *env, struct xs *xs, const char *server_socket, struct security **result)
{
	struct security *security = MEM_NEW(env->mem, struct security);
	int rc = 0;

	if (security == NULL)
		return -DER_NOMEM;
	security->env = env;
	list_init(&security->sounds);
	if (server_socket != NULL)
		rc = drpc_client_create(xs, server_socket, &security->server);
	if (rc != 0) {
		mem_free(env->mem, security);
		return rc;
	}
	*result = security;
	return 0;
}

static void
forget(struct security *security, struct sound *sound)
{
	list_remove(&sound->link);
	security->nr--;
	mem_free(security->env->mem, sound);
}

void
security_destroy(struct security *security)
{
	struct sound *sound, *tmp;

	list_each_safe(sound, tmp, &security->sounds, link)
		forget(security, sound);
	if (security->server != NULL)
		drpc_client_destroy(security->server);
	mem_free(security->env->mem, security);
}

void
security_set_key(struct security *security, const uint8_t pub[SECURITY_KEY_LEN])
{
	memcpy(security->pub, pub, SECURITY_KEY_LEN);
	security->have_key = true;
}

static bool
remembered(struct security *security, const void *cred, size_t len, uint64_t hash, uint64_t now_s)
{
	struct sound *sound, *tmp;

	list_each_safe(sound, tmp, &security->sounds, link) {
		if (now_s >= sound->expires_s)
			forget(security, sound);
		else if (sound->hash == hash && sound->len == len && memcmp(sound->token, cred, len) == 0)
			return true;
	}
	return false;
}

static void
remember(struct security *security, const void *cred, size_t len, uint64_t hash, uint64_t expires_s)
{
	struct sound *sound = mem_alloc(security->env->mem, sizeof(*sound) + len);

	if (sound == NULL)
		return;
	if (security->nr >= REMEMBER_MAX)
		forget(security, list_first(&security->sounds, struct sound, link));
	sound->hash = hash;
	sound->expires_s = expires_s;
	sound->len = len;
	memcpy(sound->token, cred, len);
	list_append(&security->sounds, &sound->link);
	security->nr++;
}

static int
ask_server(struct security *security, const void *cred, size_t len, struct arena *arena)
{
	enum drpc_status status;
	const uint8_t *answer;
	struct unpacker in;
	size_t answer_len;
	int rc, verdict;

	rc = drpc_call(security->server, DRPC_MODULE_SECURITY, METHOD_VALIDATE, cred, len,
		       env_mono(security->env) + ANSWER_WITHIN_NS, arena, &status, &answer, &answer_len);
	if (rc != 0)
		return rc;
	if (status != DRPC_SUCCESS) {
		log_error(security->env->log, "the server refused to look at a credential: dRPC status %d", (int)status);
		return -DER_PROTO;
	}
	unpacker_init(&in, answer, answer_len);
	verdict = unpack_i32(&in);
	return unpacker_rc(&in) != 0 ? -DER_PROTO : verdict == 0 ? 0 : -DER_NO_PERM;
}

int
security_validate(struct security *security, const void *cred, size_t len, struct arena *arena, struct security_identity **who)
{
	uint64_t now_s = env_wall(security->env) / NS_PER_S;
	struct security_identity *identity;
	uint64_t hash;
	int rc;

	if (cred == NULL || len == 0 || len > SECURITY_CRED_MAX)
		return -DER_NO_PERM;
	if (security->have_key)
		return security_cred_check(cred, len, security->pub, now_s, arena, who);
	if (security->server == NULL)
		return -DER_NO_PERM;
	hash = hash64_bytes(cred, len, 0);
	if (!remembered(security, cred, len, hash, now_s)) {
		rc = ask_server(security, cred, len, arena);
		if (rc != 0)
			return rc;
		rc = security__cred_parse(cred, len, arena, &identity);
		if (rc != 0)
			return rc;
		if (now_s >= identity->expires_s)
			return -DER_NO_PERM;
		remember(security, cred, len, hash, identity->expires_s);
		*who = identity;
		return 0;
	}
	return security__cred_parse(cred, len, arena, who);
}
