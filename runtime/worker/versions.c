#include "worker/versions.h"

#include "base/cursor.h"
#include "base/fault.h"
#include "base/log.h"
#include "link/worker_page.h"
#include "object/assets/assets.h"
#include "object/versions/leftovers.h"
#include "object/versions/renewal.h"
#include "object/versions/switch.h"

void od_versions_init(struct od_versions *versions, struct od_objects *objects,
                      const struct od_options *options, od_script_new *new_script)
{
    *versions = (struct od_versions){objects, options, new_script, NULL};
}

static void check(const struct od_versions *versions)
{
    OD_ASSERT(versions->objects != NULL);
    OD_ASSERT(versions->next == NULL || versions->next != versions->objects->script);
    OD_ASSERT(versions->next == NULL || versions->next->uses == 0);
}

static void forget_next(struct od_versions *versions)
{
    if (versions->next != NULL)
        versions->next->close(versions->next);
    versions->next = NULL;
}

void od_versions_deinit(struct od_versions *versions)
{
    forget_next(versions);
    od_leftovers_end(versions->objects);
}

static void put_namespaces(struct od_bytes *out, const struct od_objects *objects,
                           const struct od_script *script)
{
    size_t place = out->size;
    uint32_t count = 0;
    od_bytes_put_u32(out, 0);
    OD_LIST_EACH (link, &objects->namespaces) {
        const struct od_namespace *namespace = OD_LIST_MEMBER(link, struct od_namespace, link);
        if (!script->serves(script, namespace))
            continue;
        od_bytes_put_string(out, namespace->name);
        od_bytes_put_string(out, od_script_called_name(script, namespace->name));
        count++;
    }
    od_bytes_set_u32(out, place, count);
}

void od_versions_say_loaded(struct od_link *main, const struct od_objects *objects,
                            const struct od_script *script, const struct od_error *err)
{
    size_t mark = od_link_begin(main, OD_KIND_LOADED, -1);
    struct od_bytes *out = &main->out;
    od_bytes_put_u32(out, script->version);
    od_bytes_put_u8(out, err == NULL);
    const char *assets = od_assets_directory(script->assets);
    od_bytes_put_string(out, od_slice_of(err == NULL ? assets : err->text));
    od_bytes_put_u8(out, script->has_entry);
    put_namespaces(out, objects, script);
    od_bytes_put_slice(out, od_bytes_slice(&script->looked_at));
    od_link_end(main, mark);
}

// What a script prints while it is loaded was printed by the dry run already; once is enough.
static bool load(struct od_versions *versions, struct od_script *script, od_slice files,
                 struct od_error *err)
{
    OD_ASSERT(script->uses == 0);
    const struct od_options *options = versions->options;
    if (OD_FAULT("load.fail"))
        return od_error_set(err, "a fault point says that it does not load");
    od_log_setup(options->log_format, OD_LOG_ERROR);
    versions->objects->shown = NULL;
    od_worker_page_begin(versions->objects->page, NULL, "script", OD_PAGE_LOADING_NAME);
    bool ok = script->load(script, versions->objects, options, files, err);
    od_worker_page_end(versions->objects->page);
    od_log_setup(options->log_format, options->log_level);
    return ok;
}

static void switch_to(struct od_versions *versions, struct od_script *script)
{
    od_objects_switch(versions->objects, script);
    od_renewal_begin(versions->objects);
}

static bool serve_first(struct od_versions *versions, struct od_script *script, bool ok)
{
    OD_ASSERT(versions->objects->script == NULL);
    struct od_link *main = versions->objects->main;
    if (!ok) {
        script->close(script);
        return false;
    }
    switch_to(versions, script);
    od_link_send(main, OD_KIND_READY, (od_slice){NULL, 0}, -1);
    return true;
}

bool od_versions_load(struct od_versions *versions, od_slice body, struct od_error *err)
{
    check(versions);
    struct od_cursor cursor = od_cursor_of(body);
    forget_next(versions);
    struct od_script *script = versions->new_script();
    script->version = od_cursor_u32(&cursor);
    bool ok = load(versions, script, od_cursor_rest(&cursor), err);
    if (versions->objects->script == NULL)
        return serve_first(versions, script, ok);
    od_versions_say_loaded(versions->objects->main, versions->objects, script, ok ? NULL : err);
    od_bytes_deinit(&script->looked_at);
    versions->next = script;
    if (!ok)
        forget_next(versions);
    return true;
}

static bool is_next(const struct od_versions *versions, od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    return versions->next != NULL && versions->next->version == od_cursor_u32(&cursor);
}

void od_versions_switch(struct od_versions *versions, od_slice body)
{
    check(versions);
    if (!is_next(versions, body))
        return;
    switch_to(versions, versions->next);
    versions->next = NULL;
}

void od_versions_discard(struct od_versions *versions, od_slice body)
{
    check(versions);
    if (is_next(versions, body))
        forget_next(versions);
}

static void say_looked_at(const struct od_versions *versions)
{
    struct od_objects *objects = versions->objects;
    struct od_bytes *looked_at = objects->script == NULL ? NULL : &objects->script->looked_at;
    if (looked_at == NULL || looked_at->size == 0)
        return;
    od_link_send(objects->main, OD_KIND_LOOKED_AT, od_bytes_slice(looked_at), -1);
    od_bytes_deinit(looked_at);
}

bool od_versions_turn(struct od_versions *versions)
{
    check(versions);
    say_looked_at(versions);
    return od_objects_close_scripts(versions->objects);
}

od_time_ms od_versions_idle(struct od_versions *versions)
{
    struct od_script *script = versions->objects->script;
    return script == NULL ? -1 : script->idle(script);
}
