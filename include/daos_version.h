/* SPDX-License-Identifier: Apache-2.0 */
/* Which level of the interface these headers describe, for programs that ask with #if. */
#ifndef DAOS_VERSION_H
#define DAOS_VERSION_H

/** The programming interface. */
#define DAOS_API_VERSION_MAJOR 2
#define DAOS_API_VERSION_MINOR 7
#define DAOS_API_VERSION_FIX 0

/** The release of the reference whose interface this is. */
#define DAOS_VERSION_MAJOR 2
#define DAOS_VERSION_MINOR 6
#define DAOS_VERSION_FIX 5

#endif
