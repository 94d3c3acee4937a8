// The status page: whatever a worker reports, machines get JSON and people get no control bytes.

#include "fuzz_lua.h"

#include "main/door/connection_limit.h"
#include "main/operator/status_page.h"

enum {
    WORKERS = 2,
};

static void check_json(const struct od_bytes *page)
{
    lua_State *L = fuzz_lua();
    lua_getfield(L, 1, "json");
    lua_getfield(L, -1, "decode");
    lua_pushlstring(L, page->at, page->size);
    OD_ASSERT(lua_pcall(L, 1, 1, 0) == 0 && lua_istable(L, -1));
}

static void check_text(const struct od_bytes *page)
{
    for (size_t i = 0; i < page->size; i++)
        OD_ASSERT((unsigned char)page->at[i] >= 0x20 || strchr("\n\t", page->at[i]) != NULL);
}

static void check(const struct od_status *status, const struct od_bytes *reports)
{
    struct od_bytes page = {0};
    od_status_page_text(&page, status, reports);
    check_text(&page);
    od_bytes_clear(&page);
    od_status_page_json(&page, status, reports, false);
    check_json(&page);
    od_bytes_deinit(&page);
}

// One worker says the input; the other could not be started, for a reason that is the input.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct od_options options = {.script = "s.lua", .data_dir = ".open-do"};
    struct od_child children[WORKERS] = {{.index = 0}, {.index = 1, .failed_starts = 3}};
    struct od_supervisor supervisor = {.children = children, .child_count = WORKERS};
    struct od_alarm_clock alarm_clock = {.reader = NULL};
    struct od_connection_limit connection_limit = {.limit = 0};
    struct od_status status = {.supervisor = &supervisor,
                               .alarm_clock = &alarm_clock,
                               .connection_limit = &connection_limit,
                               .options = &options};
    struct od_bytes reports[WORKERS] = {{0}};
    size_t told = size < sizeof children[1].why_not ? size : sizeof children[1].why_not - 1;
    memcpy(children[1].why_not, size == 0 ? (const void *)"" : data, told);
    od_bytes_put(&reports[0], data, size);
    check(&status, reports);
    od_bytes_deinit(&reports[0]);
    return 0;
}
