// Versions of the script in a cluster: between main/versions/reload_agree.c and cluster/ballot.h.
//
// Process: main; Thread: the loop's.

#include <stdio.h>

#include "base/log.h"
#include "main/server_inner.h"

void od_server_told_version(void *owner, const struct od_cluster_version *version)
{
    struct od_server *server = owner;
    struct od_server_versions *versions = &server->cluster.versions;
    OD_ASSERT(server->cluster.member != NULL);
    versions->proposed = version->state == OD_VERSION_PROPOSED ? version->version : 0;
    versions->by = version->node;
    if (version->state == OD_VERSION_FAILED) {
        versions->failed = version->version;
        od_bytes_clear(&versions->why);
        od_bytes_put_slice(&versions->why, version->why);
    } else if (version->state == OD_VERSION_SERVES) {
        versions->serves = version->version;
        versions->failed = 0;
        od_bytes_clear(&versions->why);
    }
    od_reload_told(&server->reload, version);
}

static od_slice with_place(const struct od_server *server, char *text, size_t size, od_slice why)
{
    int written =
        snprintf(text, size, "node %u: %.*s", server->placement.self.id, (int)why.size, why.at);
    OD_ASSERT(written > 0);
    return od_slice_of(text);
}

void od_server_vote(void *owner, enum od_vote vote, uint32_t version, od_slice text)
{
    struct od_server *server = owner;
    char why[OD_ERROR_BYTES_MAX];
    if (vote == OD_VOTE_REFUSE)
        text = with_place(server, why, sizeof why, text);
    od_cluster_vote(server->cluster.member, vote, version, text);
    if (server->cluster.is_away)
        od_reload_wait_long(&server->reload);
}

void od_server_left_behind(void *owner, od_slice why)
{
    struct od_server *server = owner;
    od_log(OD_LOG_ERROR, NULL, "open-do ends, for it cannot serve what the other nodes do: %.*s",
           (int)why.size, why.at);
    od_server_stop(server, OD_EXIT_WRONG);
}
