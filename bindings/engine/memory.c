#include "engine/memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"

enum {
    instructions_of_grace = 500
};

void od_memory_init(struct od_memory *memory)
{
    OD_ASSERT(memory->used == 0);
    memory->limit = SIZE_MAX / 2;
    od_blocks_init(&memory->blocks);
}

void od_memory_deinit(struct od_memory *memory)
{
    OD_ASSERT(memory->used == 0);
    od_blocks_deinit(&memory->blocks);
}

static void set_pace(struct od_memory *memory, bool in_a_hurry)
{
    lua_gc(memory->L, LUA_GCSETPAUSE, in_a_hurry ? 110 : 200);
    lua_gc(memory->L, LUA_GCSETSTEPMUL, in_a_hurry ? 1000 : 200);
}

bool od_memory_is_full(const struct od_memory *memory)
{
    return memory->is_tight && memory->used >= memory->limit - memory->limit / 4;
}

static bool is_half_full(const struct od_memory *memory)
{
    return memory->used >= memory->limit / 2;
}

void od_memory_settle(struct od_memory *memory)
{
    set_pace(memory, is_half_full(memory));
}

// Allowed inside the allocator: all of these only assign numbers.
static void hurry(struct od_memory *memory)
{
    set_pace(memory, true);
    lua_gc(memory->L, LUA_GCRESTART, 0);
}

static void collect(struct od_memory *memory)
{
    OD_ASSERT(memory->L != NULL);
    bool was_capped = memory->is_capped;
    memory->is_capped = false;
    lua_gc(memory->L, LUA_GCCOLLECT, 0);
    memory->is_capped = was_capped;
    memory->grace = 0;
    od_memory_settle(memory);
}

bool od_memory_stays_full(struct od_memory *memory)
{
    if (!memory->is_tight)
        return false;
    collect(memory);
    memory->is_tight = od_memory_is_full(memory);
    return memory->is_tight;
}

static void collect_later(lua_State *L, lua_Debug *event)
{
    void *memory;
    (void)event;
    lua_sethook(L, NULL, 0, 0);
    lua_getallocf(L, &memory);
    collect(memory);
}

void od_memory_recover(struct od_memory *memory)
{
    if (memory->grace == 0)
        return;
    lua_sethook(memory->L, NULL, 0, 0);
    collect(memory);
}

// A hook is the one thing an allocator, like a signal, may set. Compiled loops do not run into it,
// so the grace of one refusal may be used up when the next one comes.
static void *refuse(struct od_memory *memory)
{
    OD_ASSERT(memory->is_capped);
    memory->is_tight = true;
    if (memory->grace < memory->limit / 4)
        memory->grace += memory->limit / 32;
    lua_sethook(memory->L, collect_later, LUA_MASKCOUNT, instructions_of_grace);
    return NULL;
}

static bool is_small(size_t size)
{
    return size > 0 && size <= OD_BLOCK_BYTES_MAX;
}

static void give(struct od_memory *memory, void *at, size_t size)
{
    if (is_small(size))
        od_blocks_give(&memory->blocks, at, size);
    else
        free(at);
}

static void *take(struct od_memory *memory, size_t size)
{
    if (is_small(size))
        return od_blocks_take(&memory->blocks, size);
    void *place = malloc(size);
    if (place != NULL)
        od_prefer_large_pages(place, size);
    return place;
}

static void *move(struct od_memory *memory, void *at, size_t old_size, size_t size)
{
    if (old_size == 0)
        return take(memory, size);
    if (!is_small(old_size) && !is_small(size)) {
        void *moved = realloc(at, size);
        if (moved != NULL)
            od_prefer_large_pages(moved, size);
        return moved;
    }
    if (is_small(old_size) && is_small(size) && od_blocks_are_alike(old_size, size))
        return at;
    void *place = take(memory, size);
    if (place == NULL)
        return NULL;
    memcpy(place, at, old_size < size ? old_size : size);
    give(memory, at, old_size);
    return place;
}

static void *move_surely(struct od_memory *memory, void *at, size_t old_size, size_t size)
{
    void *place = move(memory, at, old_size, size);
    if (place == NULL)
        od_out_of_memory(size);
    return place;
}

static void *grow(struct od_memory *memory, void *at, size_t old_size, size_t size)
{
    size_t extra = size - old_size;
    if (!memory->is_capped) {
        memory->used += extra;
        return move_surely(memory, at, old_size, size);
    }
    if (memory->used + extra > memory->limit + memory->grace)
        return refuse(memory);
    void *place = move(memory, at, old_size, size);
    if (place == NULL)
        return refuse(memory);
    bool was_half_full = is_half_full(memory);
    memory->used += extra;
    if (!was_half_full && is_half_full(memory))
        hurry(memory);
    return place;
}

static void *shrink(struct od_memory *memory, void *at, size_t old_size, size_t size)
{
    OD_ASSERT(memory->used >= old_size - size);
    memory->used -= old_size - size;
    if (size > 0)
        return move_surely(memory, at, old_size, size);
    give(memory, at, old_size);
    return NULL;
}

void *od_memory_allocate(void *context, void *at, size_t old_size, size_t new_size)
{
    struct od_memory *memory = context;
    OD_ASSERT(at != NULL || old_size == 0);
    if (new_size > old_size)
        return grow(memory, at, old_size, new_size);
    return shrink(memory, at, old_size, new_size);
}
