#include "main/keeper.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/check.h"

struct key {
    uint32_t worker;
    uint64_t socket;
};

static struct od_kept *kept_of(const struct od_map_node *node)
{
    return OD_MAP_MEMBER(node, struct od_kept, node);
}

static uint64_t hash_of(struct key key)
{
    return od_map_hash_u64(key.socket ^ (uint64_t)key.worker << 56);
}

static bool has_key(const struct od_map_node *node, const void *key)
{
    const struct key *wanted = key;
    const struct od_kept *kept = kept_of(node);
    return kept->socket == wanted->socket && kept->worker == wanted->worker;
}

static struct od_kept *find(const struct od_keeper *keeper, uint32_t worker, uint64_t socket)
{
    struct key key = {worker, socket};
    struct od_map_node *node = od_map_find(&keeper->kept, hash_of(key), has_key, &key);
    return node == NULL ? NULL : kept_of(node);
}

static void drop(struct od_keeper *keeper, struct od_kept *kept)
{
    od_map_remove(&keeper->kept, &kept->node);
    close(kept->fd);
    free(kept->attachment);
    free(kept);
}

void od_keeper_init(struct od_keeper *keeper)
{
    od_map_init(&keeper->kept);
}

void od_keeper_deinit(struct od_keeper *keeper)
{
    for (struct od_map_node *node; (node = od_map_next(&keeper->kept, NULL)) != NULL;)
        drop(keeper, kept_of(node));
    od_map_deinit(&keeper->kept);
}

void od_keeper_keep(struct od_keeper *keeper, uint32_t worker, uint64_t socket, od_slice record,
                    int fd)
{
    OD_ASSERT(fd >= 0);
    od_keeper_forget(keeper, worker, socket);
    struct od_kept *kept = od_allocate(sizeof *kept + record.size);
    *kept = (struct od_kept){
        .socket = socket, .worker = worker, .fd = fd, .record_bytes = (uint32_t)record.size};
    if (record.size > 0)
        memcpy(kept->record, record.at, record.size);
    od_map_put(&keeper->kept, &kept->node, hash_of((struct key){worker, socket}));
}

void od_keeper_attach(struct od_keeper *keeper, uint32_t worker, uint64_t socket,
                      od_slice attachment)
{
    struct od_kept *kept = find(keeper, worker, socket);
    if (kept == NULL)
        return;
    kept->attachment = od_reallocate(kept->attachment, attachment.size + 1);
    kept->attachment_bytes = (uint32_t)attachment.size;
    if (attachment.size > 0)
        memcpy(kept->attachment, attachment.at, attachment.size);
}

void od_keeper_forget(struct od_keeper *keeper, uint32_t worker, uint64_t socket)
{
    struct od_kept *kept = find(keeper, worker, socket);
    if (kept != NULL)
        drop(keeper, kept);
}

void od_keeper_each(struct od_keeper *keeper, uint32_t worker,
                    void (*visit)(void *owner, struct od_kept *kept), void *owner)
{
    struct od_map_node *next;
    for (struct od_map_node *node = od_map_next(&keeper->kept, NULL); node != NULL; node = next) {
        next = od_map_next(&keeper->kept, node);
        if (kept_of(node)->worker == worker)
            visit(owner, kept_of(node));
    }
}

struct shutting {
    struct od_keeper *keeper;
    size_t count;
};

static void shut(void *owner, struct od_kept *kept)
{
    struct shutting *shutting = owner;
    shutdown(kept->fd, SHUT_RDWR);
    drop(shutting->keeper, kept);
    shutting->count++;
}

size_t od_keeper_shut(struct od_keeper *keeper, uint32_t worker)
{
    struct shutting shutting = {keeper, 0};
    od_keeper_each(keeper, worker, shut, &shutting);
    return shutting.count;
}
