/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials as bytes: who somebody is, signed by the agent of his machine.
 *
 *	"DCRD", u16 version (1), u16 flags (0), u32 payload length, payload, 64 bytes of Ed25519 signature over all before
 *	payload: u32 uid, u32 gid, string user, string group, count + strings groups, string machine,
 *	         u64 issued, u64 expires, uuid nonce          (base/codec; appended fields are skipped by older readers)
 *
 *	security I1  A token is believed only when its signature is right; nothing of it is looked at before.
 *	security I2  Whatever is wrong with a token, the answer is the same.
 *
 * Nothing here yields.
 */
#include "internal.h"

#include <openssl/evp.h>
#include "base/codec.h"

#define TOKEN_MAGIC "DCRD"
#define TOKEN_VERSION 1
#define TOKEN_HEAD 12U
#define TOKEN_SIGNATURE 64U

int
security_key_make(struct env *env, uint8_t secret[SECURITY_KEY_LEN], uint8_t pub[SECURITY_KEY_LEN])
{
	size_t len = SECURITY_KEY_LEN;
	EVP_PKEY *key;
	int rc;

	rc = env->ops->rand_secure(env, secret, SECURITY_KEY_LEN);
	if (rc != 0)
		return rc;
	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, SECURITY_KEY_LEN);
	if (key == NULL)
		return -DER_NOMEM;
	rc = EVP_PKEY_get_raw_public_key(key, pub, &len) == 1 && len == SECURITY_KEY_LEN ? 0 : -DER_MISC;
	EVP_PKEY_free(key);
	return rc;
}

static int
sign(const uint8_t *secret, const void *data, size_t len, uint8_t *signature)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, SECURITY_KEY_LEN);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t signature_len = TOKEN_SIGNATURE;
	int rc = -DER_NOMEM;

	if (key != NULL && ctx != NULL)
		rc = EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
				     EVP_DigestSign(ctx, signature, &signature_len, data, len) == 1 &&
				     signature_len == TOKEN_SIGNATURE
			     ? 0
			     : -DER_MISC;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return rc;
}

static int
verify(const uint8_t *pub, const void *data, size_t len, const uint8_t *signature)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, pub, SECURITY_KEY_LEN);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int rc = -DER_NO_PERM;

	if (key == NULL || ctx == NULL)
		rc = -DER_NOMEM;
	else if (EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
		 EVP_DigestVerify(ctx, signature, TOKEN_SIGNATURE, data, len) == 1)
		rc = 0;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return rc;
}

int
security_cred_sign(const struct security_identity *who, const uint8_t secret[SECURITY_KEY_LEN], struct arena *arena, void **cred,
		   size_t *len)
{
	uint8_t *buf = arena_alloc(arena, SECURITY_CRED_MAX);
	struct packer packer;
	size_t section;
	int rc;

	if (buf == NULL)
		return -DER_NOMEM;
	packer_init(&packer, buf, SECURITY_CRED_MAX - TOKEN_SIGNATURE);
	pack_raw(&packer, TOKEN_MAGIC, 4);
	pack_u16(&packer, TOKEN_VERSION);
	pack_u16(&packer, 0);
	section = pack_section_begin(&packer);
	pack_u32(&packer, who->uid);
	pack_u32(&packer, who->gid);
	pack_string(&packer, who->user);
	pack_string(&packer, who->group);
	pack_count(&packer, who->group_nr);
	for (uint32_t i = 0; i < who->group_nr; i++)
		pack_string(&packer, who->groups[i]);
	pack_string(&packer, who->machine);
	pack_u64(&packer, who->issued_s);
	pack_u64(&packer, who->expires_s);
	pack_uuid(&packer, who->nonce);
	pack_section_end(&packer, section);
	rc = packer_rc(&packer);
	if (rc != 0)
		return rc == -DER_TRUNC ? -DER_OVERFLOW : rc;
	rc = sign(secret, buf, packer_len(&packer), buf + packer_len(&packer));
	if (rc != 0)
		return rc;
	*cred = buf;
	*len = packer_len(&packer) + TOKEN_SIGNATURE;
	return 0;
}

/* Principals are believed by name later on: refuse names that could not be one. */
static bool
principal_ok(const char *name)
{
	const char *at = name != NULL ? strchr(name, '@') : NULL;

	return at != NULL && at != name && strlen(name) <= DAOS_ACL_MAX_PRINCIPAL_LEN;
}

static int
identity_unpack(struct unpacker *in, struct arena *arena, struct security_identity *who)
{
	const char **groups;

	who->uid = unpack_u32(in);
	who->gid = unpack_u32(in);
	who->user = unpack_string_dup(in, arena);
	who->group = unpack_string_dup(in, arena);
	groups = unpack_array(in, arena, 4, sizeof(*groups), &who->group_nr);
	if (who->group_nr > SECURITY_GROUPS_MAX)
		unpacker_fail(in, -DER_PROTO);
	for (uint32_t i = 0; i < who->group_nr && unpacker_rc(in) == 0; i++) {
		groups[i] = unpack_string_dup(in, arena);
		if (!principal_ok(groups[i]))
			unpacker_fail(in, -DER_PROTO);
	}
	who->groups = groups;
	who->machine = unpack_string_dup(in, arena);
	who->issued_s = unpack_u64(in);
	who->expires_s = unpack_u64(in);
	unpack_uuid(in, who->nonce);
	if (unpacker_rc(in) == 0 && (!principal_ok(who->user) || !principal_ok(who->group) || who->machine == NULL))
		unpacker_fail(in, -DER_PROTO);
	return unpacker_rc(in);
}

int
security__cred_parse(const void *cred, size_t len, struct arena *arena, struct security_identity **who)
{
	struct security_identity *identity;
	struct unpacker in, payload;
	const void *magic;
	int rc;

	if (cred == NULL || len < TOKEN_HEAD + TOKEN_SIGNATURE || len > SECURITY_CRED_MAX)
		return -DER_NO_PERM;
	unpacker_init(&in, cred, len - TOKEN_SIGNATURE);
	magic = unpack_raw(&in, 4);
	if (magic == NULL || memcmp(magic, TOKEN_MAGIC, 4) != 0)
		return -DER_NO_PERM;
	if (unpack_u16(&in) != TOKEN_VERSION || unpack_u16(&in) != 0)
		return -DER_NO_PERM;
	unpack_section(&in, &payload);
	if (unpacker_finish(&in) != 0)
		return -DER_NO_PERM;
	identity = ARENA_NEW(arena, struct security_identity);
	if (identity == NULL)
		return -DER_NOMEM;
	rc = identity_unpack(&payload, arena, identity);
	if (rc != 0)
		return rc == -DER_NOMEM ? rc : -DER_NO_PERM;
	*who = identity;
	return 0;
}

int
security_cred_check(const void *cred, size_t len, const uint8_t pub[SECURITY_KEY_LEN], uint64_t now_s, struct arena *arena,
		    struct security_identity **who)
{
	struct security_identity *identity = NULL;
	int rc;

	if (cred == NULL || len < TOKEN_HEAD + TOKEN_SIGNATURE || len > SECURITY_CRED_MAX)
		return -DER_NO_PERM;
	rc = verify(pub, cred, len - TOKEN_SIGNATURE, (const uint8_t *)cred + len - TOKEN_SIGNATURE);
	if (rc != 0)
		return rc;
	rc = security__cred_parse(cred, len, arena, &identity);
	if (rc != 0)
		return rc;
	if (now_s >= identity->expires_s)
		return -DER_NO_PERM;
	*who = identity;
	return 0;
}
