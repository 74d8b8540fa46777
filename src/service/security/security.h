/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service/security: who is who and who may what. The agent signs a credential for the process at the other end of its
 * socket (identity from the kernel, never from the packet); engines ask the server over dRPC whether a credential is
 * sound; pool and container services decide by ACL. Signatures are Ed25519 over the whole token; checks take the same time
 * whatever is wrong.
 */
#ifndef SERVICE_SECURITY_H
#define SERVICE_SECURITY_H

#include <daos_types.h>
#include <daos_prop.h>
#include <daos_security.h>
#include "base/base.h"
#include "env/env.h"

#define SECURITY_KEY_LEN 32
#define SECURITY_CRED_MAX (8 * KIB)
#define SECURITY_GROUPS_MAX 512U
/* DAOS_COO_RW and DAOS_COO_EX of daos_cont.h: frozen numbers */
#define SECURITY_CONT_RW 2U
#define SECURITY_CONT_EX 4U

/** Whom a credential names. Principals are names with a trailing @. */
struct security_identity {
	uint32_t uid, gid;
	const char *user;          /* "alice@" */
	const char *group;         /* "users@" */
	const char *const *groups; /* others */
	uint32_t group_nr;
	const char *machine;
	uint64_t issued_s, expires_s; /* since 1970 */
	uuid_t nonce;
};

/** A new key pair, from env's secure randomness. */
int security_key_make(struct env *env, uint8_t secret[SECURITY_KEY_LEN], uint8_t pub[SECURITY_KEY_LEN]);
/** Signs; the token is taken from arena. -DER_OVERFLOW beyond SECURITY_CRED_MAX. */
int security_cred_sign(const struct security_identity *who, const uint8_t secret[SECURITY_KEY_LEN], struct arena *arena, void **cred, size_t *len);
/** Hostile bytes. The identity is taken from arena. -DER_NO_PERM for anything wrong (one answer for all), or expired at now_s. */
int security_cred_check(const void *cred, size_t len, const uint8_t pub[SECURITY_KEY_LEN], uint64_t now_s, struct arena *arena,
			struct security_identity **who);

/** Engine's side of validation: asks the server at its socket, remembers sound tokens until they expire. On stream 0. */
struct xs;
struct security;
int security_create(struct env *env, struct xs *xs, const char *server_socket, struct security **security);
void security_destroy(struct security *security);
/** YIELDS. -DER_NO_PERM; -DER_UNREACH when the server does not answer. For tests and simulation: a public key instead of a server. */
int security_validate(struct security *security, const void *cred, size_t len, struct arena *arena, struct security_identity **who);
void security_set_key(struct security *security, const uint8_t pub[SECURITY_KEY_LEN]);

/** Rights that an ACL gives: DAOS_ACL_PERM_* bits. owner and group: the pool's or container's. */
uint64_t security_pool_rights(const struct daos_acl *acl, const char *owner, const char *group, const struct security_identity *who);
uint64_t security_cont_rights(const struct daos_acl *acl, const char *owner, const char *group, const struct security_identity *who);
/** Whether rights suffice for DAOS_PC_* or DAOS_COO_* flags: 0 or -DER_NO_PERM. */
int security_pool_allows(uint64_t rights, uint32_t flags);
int security_cont_allows(uint64_t rights, uint32_t flags);

#endif
