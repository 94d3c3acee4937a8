#include "worker/dry_run.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/fault.h"
#include "base/log.h"
#include "link/loop.h"
#include "link/worker_page.h"
#include "worker/versions.h"

struct dry_run {
    struct od_loop loop;
    struct od_link main;
    struct od_objects objects; // Enough of it for namespaces.
    bool is_asked;
    struct od_bytes files; // To be loaded; empty: those on the disk.
};

static void on_message(struct od_link *link, enum od_kind kind, od_slice body, int fd)
{
    struct dry_run *dry_run = link->owner;
    if (fd >= 0)
        close(fd);
    if (kind != OD_KIND_LOAD || dry_run->is_asked)
        return;
    dry_run->is_asked = true;
    od_bytes_put_slice(&dry_run->files, od_slice_from(body, sizeof(uint32_t))); // No version.
}

static void on_gone(struct od_link *link)
{
    (void)link; // Main has heard enough.
}

static void on_closed(struct od_link *link)
{
    (void)link;
}

static const struct od_link_events link_events = {on_message, on_gone, on_closed};

// Everything that does not depend on the script is done before the wait.
static void rehearse(struct dry_run *dry_run, const struct od_options *options,
                     od_script_new *new_script)
{
    OD_ASSERT(dry_run->objects.script == NULL);
    struct od_error err;
    if (options->confine && !od_confine(&err))
        od_log(OD_LOG_DEBUG, NULL, "%s", err.text); // Workers say it aloud.
    struct od_script *script = new_script();
    while (!dry_run->is_asked && !dry_run->main.is_gone)
        od_loop_poll(&dry_run->loop, true);
    if (!dry_run->is_asked) {
        script->close(script);
        return;
    }
    bool ok =
        !OD_FAULT("load.trial") || od_error_set(&err, "a fault point says that it does not load");
    ok = ok &&
         script->load(script, &dry_run->objects, options, od_bytes_slice(&dry_run->files), &err);
    od_versions_say_loaded(&dry_run->main, &dry_run->objects, script, ok ? NULL : &err);
    script->close(script);
    od_confine_report();
    while (od_link_waiting_bytes(&dry_run->main) > 0 && !dry_run->main.is_gone) {
        od_link_flush(&dry_run->main);
        od_loop_poll(&dry_run->loop, true);
    }
}

int od_dry_run_main(const struct od_options *options, od_script_new *new_script, int link_fd)
{
    struct dry_run dry_run = {0};
    struct od_error err;
    if (options->confine)
        od_confine_prepare();
    if (!od_loop_init(&dry_run.loop, &err) ||
        !od_link_init(&dry_run.main, &dry_run.loop.uv, link_fd, &link_events, &dry_run, &err)) {
        od_log(OD_LOG_ERROR, NULL, "cannot try the script: %s", err.text);
        return OD_EXIT_WRONG;
    }
    dry_run.objects.timers = &dry_run.loop.timers;
    dry_run.objects.page = od_allocate_zeroed(sizeof *dry_run.objects.page); // Seen by nobody.
    od_objects_init(&dry_run.objects);
    rehearse(&dry_run, options, new_script);
    od_objects_deinit(&dry_run.objects);
    free(dry_run.objects.page);
    od_bytes_deinit(&dry_run.files);
    od_link_close(&dry_run.main);
    od_loop_deinit(&dry_run.loop);
    return OD_EXIT_CLEAN;
}
