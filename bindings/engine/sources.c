#include "engine/sources.h"

#include <stdlib.h>
#include <string.h>

void od_sources_deinit(struct od_sources *sources)
{
    for (size_t i = 0; i < sources->size; i++) {
        free(sources->at[i].name);
        od_bytes_deinit(&sources->at[i].text);
    }
    free(sources->at);
    *sources = (struct od_sources){0};
}

static struct od_source *find(const struct od_sources *sources, od_slice name)
{
    for (size_t i = 0; i < sources->size; i++) {
        if (od_slice_equal(od_slice_of(sources->at[i].name), name))
            return &sources->at[i];
    }
    return NULL;
}

const struct od_source *od_sources_find(const struct od_sources *sources, od_slice name)
{
    return find(sources, name);
}

static struct od_source *add(struct od_sources *sources, const char *name)
{
    size_t name_bytes = strlen(name) + 1;
    sources->at = od_reallocate(sources->at, (sources->size + 1) * sizeof *sources->at);
    struct od_source *source = &sources->at[sources->size++];
    *source = (struct od_source){.name = od_allocate(name_bytes)};
    memcpy(source->name, name, name_bytes);
    return source;
}

void od_sources_put(struct od_sources *sources, const char *name, od_slice text)
{
    struct od_source *source = find(sources, od_slice_of(name));
    if (source == NULL)
        source = add(sources, name);
    od_bytes_clear(&source->text);
    od_bytes_put_slice(&source->text, text);
}

bool od_source_line(const struct od_source *source, int number, od_slice *line)
{
    const char *at = source->text.at;
    const char *end = at + source->text.size;
    for (int i = 1; at < end; i++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL)
            stop = end;
        if (i == number) {
            *line = (od_slice){at, (size_t)(stop - at)};
            return true;
        }
        at = stop + 1;
    }
    return false;
}
