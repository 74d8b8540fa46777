/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent: what local clients talk to: one socket, daos_agent.sock, that tells them where the ranks are (attach), signs who they are
 * (credential), and passes on what dmg and daos ask of the control plane. In DAOS a process of its own on every client machine; here a role
 * of the server, which knows the members first-hand.
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "base/base.h"
#include "control/control.h"

/** How long a credential is good for, seconds. */
#define AGENT_CREDENTIAL_S 3600U

struct agent;
/**
 * Listens at <agent_dir>/daos_agent.sock of control's configuration, for everybody when root serves, else for its user only (the
 * directory is closed besides). From a ULT of xs, which is control's. -DER_BUSY, -DER_NO_PERM, -DER_EXCEEDS_PATH_LEN, -DER_NOMEM.
 */
int agent_start(struct env *env, struct xs *xs, struct control *control, struct agent **agent);
/** Waits for the handlers; before control_stop. YIELDS */
void agent_stop(struct agent *agent);

#endif
