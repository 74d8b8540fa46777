/* SPDX-License-Identifier: Apache-2.0 */
/* Within service/security. */
#ifndef SECURITY_INTERNAL_H
#define SECURITY_INTERNAL_H

#include "service/security/security.h"

/** The identity of a token whose signature somebody else has found right. */
int security__cred_parse(const void *cred, size_t len, struct arena *arena, struct security_identity **who);

#endif
