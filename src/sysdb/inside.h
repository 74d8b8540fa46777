/* SPDX-License-Identifier: Apache-2.0 */
/* sysdb/inside: the open database, shared by the files of the room. */
#ifndef SYSDB_INSIDE_H
#define SYSDB_INSIDE_H

#include <daos_types.h>
#include <daos_obj.h>
#include "base/base.h"
#include "base/codec.h"
#include "bio/bio.h"
#include "ult/ult.h"
#include "vos/vos.h"
#include "sysdb.h"

struct sysdb {
	struct env *env;
	struct vos_xs *vos;
	struct vos_pool *pool;
	struct vos_cont *cont;
};

#endif
