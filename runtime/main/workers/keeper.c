#include "main/workers/keeper.h"

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

static struct od_kept_socket *kept_of(const struct od_map_node *node)
{
    return OD_MAP_MEMBER(node, struct od_kept_socket, node);
}

static uint64_t hash_of(struct key key)
{
    return od_map_hash_u64(key.socket ^ (uint64_t)key.worker << 56);
}

static bool has_key(const struct od_map_node *node, const void *key)
{
    const struct key *wanted = key;
    const struct od_kept_socket *kept = kept_of(node);
    return kept->socket == wanted->socket && kept->worker == wanted->worker;
}

struct od_kept_socket *od_keeper_find(const struct od_keeper *keeper, uint32_t worker,
                                      uint64_t socket)
{
    struct key key = {worker, socket};
    struct od_map_node *node = od_map_find(&keeper->kept, hash_of(key), has_key, &key);
    return node == NULL ? NULL : kept_of(node);
}

static void check(const struct od_kept_socket *kept)
{
    OD_ASSERT(kept->fd >= 0 || kept->code != 0); // One that is closed was closed somehow.
    OD_ASSERT(kept->facts != NULL || kept->facts_bytes == 0);
}

// Its descriptor is the caller's from here on.
static int take_out(struct od_keeper *keeper, struct od_kept_socket *kept)
{
    check(kept);
    int fd = kept->fd;
    od_map_remove(&keeper->kept, &kept->node);
    free(kept->facts);
    free(kept);
    return fd;
}

static void drop(struct od_keeper *keeper, struct od_kept_socket *kept)
{
    int fd = take_out(keeper, kept);
    if (fd >= 0)
        close(fd);
}

static struct od_kept_object *object_of(const struct od_map_node *node)
{
    return OD_MAP_MEMBER(node, struct od_kept_object, node);
}

static bool has_id(const struct od_map_node *node, const void *id)
{
    return memcmp(object_of(node)->id, id, sizeof object_of(node)->id) == 0;
}

static void drop_object(struct od_keeper *keeper, struct od_kept_object *object)
{
    OD_ASSERT(object->record_bytes > 0);
    od_map_remove(&keeper->objects, &object->node);
    free(object);
}

void od_keeper_init(struct od_keeper *keeper)
{
    od_map_init(&keeper->kept);
    od_map_init(&keeper->objects);
}

void od_keeper_deinit(struct od_keeper *keeper)
{
    for (struct od_map_node *node; (node = od_map_next(&keeper->kept, NULL)) != NULL;)
        drop(keeper, kept_of(node));
    for (struct od_map_node *node; (node = od_map_next(&keeper->objects, NULL)) != NULL;)
        drop_object(keeper, object_of(node));
    od_map_deinit(&keeper->kept);
    od_map_deinit(&keeper->objects);
}

struct od_kept_socket *od_keeper_keep(struct od_keeper *keeper, uint32_t worker, uint64_t socket,
                                      uint32_t place, od_slice record, int fd)
{
    OD_ASSERT(od_keeper_find(keeper, worker, socket) == NULL);
    OD_ASSERT(record.size <= UINT32_MAX);
    struct od_kept_socket *kept = od_allocate(sizeof *kept + record.size);
    *kept = (struct od_kept_socket){.socket = socket,
                                    .worker = worker,
                                    .place = place,
                                    .fd = fd,
                                    .record_bytes = (uint32_t)record.size};
    if (record.size > 0)
        memcpy(kept->record, record.at, record.size);
    od_map_put(&keeper->kept, &kept->node, hash_of((struct key){worker, socket}));
    return kept;
}

void od_keeper_state(struct od_keeper *keeper, uint32_t worker, uint64_t socket, bool is_moving,
                     od_slice record)
{
    struct od_kept_socket *kept = od_keeper_find(keeper, worker, socket);
    if (kept == NULL || kept->fd < 0)
        return; // Or it is closed, and its object is still to be told.
    uint32_t place = kept->place;
    int fd = take_out(keeper, kept);
    od_keeper_keep(keeper, worker, socket, place, record, fd)->is_moving = is_moving;
}

void od_keeper_facts(struct od_keeper *keeper, uint32_t worker, uint64_t socket, od_slice facts)
{
    struct od_kept_socket *kept = od_keeper_find(keeper, worker, socket);
    if (kept == NULL)
        return;
    check(kept);
    kept->facts = od_reallocate(kept->facts, facts.size + 1);
    kept->facts_bytes = (uint32_t)facts.size;
    OD_ASSERT(kept->facts_bytes == facts.size);
    if (facts.size > 0)
        memcpy(kept->facts, facts.at, facts.size);
}

void od_keeper_forget(struct od_keeper *keeper, uint32_t worker, uint64_t socket)
{
    struct od_kept_socket *kept = od_keeper_find(keeper, worker, socket);
    if (kept != NULL)
        drop(keeper, kept);
}

void od_keeper_each(struct od_keeper *keeper, uint32_t worker,
                    void (*visit)(void *owner, struct od_kept_socket *kept), void *owner)
{
    struct od_map_node *next;
    for (struct od_map_node *node = od_map_next(&keeper->kept, NULL); node != NULL; node = next) {
        next = od_map_next(&keeper->kept, node);
        if (kept_of(node)->worker == worker)
            visit(owner, kept_of(node));
    }
}

// An id is a hash already.
static uint64_t hash_of_id(const char *id)
{
    uint64_t hash;
    memcpy(&hash, id, sizeof hash);
    return od_map_hash_u64(hash);
}

void od_keeper_object(struct od_keeper *keeper, uint32_t worker, const char *id, od_slice record)
{
    OD_ASSERT(record.at != NULL || record.size == 0);
    OD_ASSERT(record.size <= UINT32_MAX);
    struct od_map_node *node = od_map_find(&keeper->objects, hash_of_id(id), has_id, id);
    if (node != NULL)
        drop_object(keeper, object_of(node));
    if (record.size == 0)
        return;
    struct od_kept_object *object = od_allocate(sizeof *object + record.size);
    *object = (struct od_kept_object){.worker = worker, .record_bytes = (uint32_t)record.size};
    memcpy(object->id, id, sizeof object->id);
    memcpy(object->record, record.at, record.size);
    od_map_put(&keeper->objects, &object->node, hash_of_id(id));
}

void od_keeper_each_object(struct od_keeper *keeper, uint32_t worker,
                           void (*visit)(void *owner, const struct od_kept_object *kept),
                           void *owner)
{
    struct od_map_node *node = NULL;
    while ((node = od_map_next(&keeper->objects, node)) != NULL) {
        if (object_of(node)->worker == worker)
            visit(owner, object_of(node));
    }
}
