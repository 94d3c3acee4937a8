// The cgroup: how much of the machine this process may use.
//
// In a container, or as a service with CPUQuota= or MemoryMax=, a process sees all cores and all
// memory of the machine and is still held to less: by being stopped for parts of each tenth of a
// second, and by being killed. So what open-do chooses by itself (how many workers, how much memory
// their scripts get) goes by what the kernel's files say of the process's cgroup and those above
// it, of which the narrowest counts. Version 2 and version 1 are read where every distribution has
// them, below /sys/fs/cgroup; a file that is not there limits nothing.
//
// Process: any.

#ifndef OD_LINK_CGROUP_H
#define OD_LINK_CGROUP_H

#include <stdint.h>

struct od_cgroup_limits {
    uint32_t cores;        // As many as the quota is worth, rounded up; 0: no limit.
    uint64_t memory_bytes; // 0: no limit.
};

// [root] stands before the names of all files: "", or a directory of a spec.
struct od_cgroup_limits od_cgroup_limits_of(const char *root);

#endif
