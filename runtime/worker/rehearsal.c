#include "worker/rehearsal.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/log.h"
#include "link/loop.h"
#include "link/page.h"
#include "worker/versions.h"

struct rehearsal {
    struct od_loop loop;
    struct od_link main;
    struct od_objects objects; // Enough of it for namespaces.
    bool is_asked;
};

static void on_message(struct od_link *link, enum od_kind kind, od_slice body, int fd)
{
    struct rehearsal *rehearsal = link->owner;
    (void)body;
    if (fd >= 0)
        close(fd);
    rehearsal->is_asked = rehearsal->is_asked || kind == OD_KIND_LOAD;
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
static void rehearse(struct rehearsal *rehearsal, const struct od_options *options,
                     od_script_new *new_script)
{
    struct od_error err;
    if (options->confine && !od_confine(&err))
        od_log(OD_LOG_DEBUG, NULL, "%s", err.text); // Workers say it aloud.
    struct od_script *script = new_script();
    while (!rehearsal->is_asked && !rehearsal->main.is_gone)
        od_loop_poll(&rehearsal->loop, true);
    if (!rehearsal->is_asked) {
        script->close(script);
        return;
    }
    bool ok = script->load(script, &rehearsal->objects, options, (od_slice){NULL, 0}, &err);
    od_versions_say_loaded(&rehearsal->main, &rehearsal->objects, script, ok ? NULL : &err);
    script->close(script);
    od_confine_report();
    while (od_link_waiting_bytes(&rehearsal->main) > 0 && !rehearsal->main.is_gone) {
        od_link_flush(&rehearsal->main);
        od_loop_poll(&rehearsal->loop, true);
    }
}

int od_rehearsal_main(const struct od_options *options, od_script_new *new_script, int link_fd)
{
    struct rehearsal rehearsal = {0};
    struct od_error err;
    if (options->confine)
        od_confine_prepare();
    if (!od_loop_init(&rehearsal.loop, &err) ||
        !od_link_init(&rehearsal.main, &rehearsal.loop.uv, link_fd, &link_events, &rehearsal,
                      &err)) {
        od_log(OD_LOG_ERROR, NULL, "cannot try the script: %s", err.text);
        return OD_EXIT_WRONG;
    }
    rehearsal.objects.timers = &rehearsal.loop.timers;
    rehearsal.objects.page = od_allocate_zeroed(sizeof *rehearsal.objects.page); // Seen by nobody.
    od_objects_init(&rehearsal.objects);
    rehearse(&rehearsal, options, new_script);
    od_objects_deinit(&rehearsal.objects);
    free(rehearsal.objects.page);
    od_link_close(&rehearsal.main);
    od_loop_deinit(&rehearsal.loop);
    return OD_EXIT_CLEAN;
}
