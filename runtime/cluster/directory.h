// The data directory of a node: a cache, and the name of the node.
//
// The file "cluster" in it says so: the cluster's id, and the name. A directory with objects and
// without that file is of one machine; the two never mix.
//
// Process: main, before the committer opens it.

#ifndef OD_CLUSTER_DIRECTORY_H
#define OD_CLUSTER_DIRECTORY_H

#include "cluster/placement.h"

#include "base/error.h"

// Makes the directory, and locks it (store/lock.h). On false [is_held] says whether another process
// has it.
OD_MUST_CHECK bool od_cluster_directory_lock(const char *data_dir, int *fd, bool *is_held,
                                             struct od_error *err);

void od_cluster_directory_unlock(int fd);

// Reads or makes the file. [name] is what this node is called.
OD_MUST_CHECK bool od_cluster_directory_open(const char *data_dir, const char *cluster_id,
                                             char name[OD_CLUSTER_NAME_BYTES],
                                             struct od_error *err);

bool od_cluster_directory_is_node(const char *data_dir);

// Removes what is cached. Who does it holds the directory's lock.
OD_MUST_CHECK bool od_cluster_directory_empty(const char *data_dir, struct od_error *err);

#endif
