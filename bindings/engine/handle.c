#include "engine/handle.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/check.h"

void od_handles_deinit(struct od_handles *handles)
{
    free(handles->rows);
    *handles = (struct od_handles){0};
}

static void grow(struct od_handles *handles)
{
    handles->rows = od_grow(handles->rows, &handles->capacity, sizeof *handles->rows);
    if (handles->size == 0)
        handles->rows[handles->size++] = (struct od_handle_row){0};
}

static uint32_t free_place(struct od_handles *handles)
{
    uint32_t place = handles->first_free;
    OD_ASSERT(place < handles->size || place == 0);
    OD_ASSERT(handles->size <= handles->capacity);
    if (place != 0) {
        handles->first_free = handles->rows[place].next_free;
        return place;
    }
    if (handles->size == handles->capacity)
        grow(handles);
    handles->rows[handles->size] = (struct od_handle_row){0};
    return handles->size++;
}

od_handle od_handles_put(struct od_handles *handles, void *resource)
{
    OD_ASSERT(resource != NULL);
    uint32_t place = free_place(handles);
    struct od_handle_row *row = &handles->rows[place];
    OD_ASSERT(row->resource == NULL);
    row->resource = resource;
    row->generation = ++handles->generations;
    return (od_handle){place, row->generation};
}

void *od_handles_find(const struct od_handles *handles, od_handle handle)
{
    if (handle.place >= handles->size)
        return NULL;
    const struct od_handle_row *row = &handles->rows[handle.place];
    return row->generation == handle.generation ? row->resource : NULL;
}

void od_handles_remove(struct od_handles *handles, od_handle handle)
{
    OD_ASSERT(handle.place > 0);
    OD_ASSERT(od_handles_find(handles, handle) != NULL);
    struct od_handle_row *row = &handles->rows[handle.place];
    row->resource = NULL;
    row->next_free = handles->first_free;
    handles->first_free = handle.place;
}

void od_handles_fit(struct od_handles *handles)
{
    while (handles->size > 1 && handles->rows[handles->size - 1].resource == NULL)
        handles->size--;
    handles->first_free = 0;
    for (uint32_t place = handles->size; place > 1; place--) {
        struct od_handle_row *row = &handles->rows[place - 1];
        if (row->resource != NULL)
            continue;
        row->next_free = handles->first_free;
        handles->first_free = place - 1;
    }
    if (handles->size == 0)
        return;
    handles->capacity = handles->size;
    handles->rows = od_reallocate(handles->rows, handles->capacity * sizeof *handles->rows);
}
