#include "engine/require.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lauxlib.h>

#include "engine/embedded.h"
#include "engine/engine.h"
#include "link/files.h"
#include "value/raise.h"

enum {
    path_bytes_max = 1024
};

static const char loaded_key;  // Its address is the key of the table name -> module.
static const char foreign_key; // The same of the globals of modules of others.
static const char busy_key;    // Stands in that table while a module is being loaded.

// --- Files ---------------------------------------------------------------------------------------

static bool read_open_file(int fd, struct od_bytes *text, struct od_error *err)
{
    struct stat facts;
    if (fstat(fd, &facts) != 0)
        return od_error_errno(err, "cannot be read");
    if (!S_ISREG(facts.st_mode))
        return od_error_set(err, "not a file");
    if (facts.st_size > OD_SOURCE_BYTES_MAX)
        return od_error_set(err, "larger than %u bytes", OD_SOURCE_BYTES_MAX);
    size_t size = (size_t)facts.st_size;
    char *place = od_bytes_reserve(text, size + 1);
    OD_ASSERT(text->size == 0);
    while (text->size < size) {
        ssize_t count = read(fd, place + text->size, size - text->size);
        if (count < 0)
            return od_error_errno(err, "cannot be read");
        if (count == 0)
            break;
        text->size += (size_t)count;
    }
    return true;
}

// The mark is taken first: a change in between makes it look older than what is read, never newer.
static int open_file(const struct od_engine *engine, const char *path, struct od_file_mark *mark)
{
    int folder = open(engine->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return -1;
    *mark = od_file_mark_at(folder, path);
    int fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int why = errno;
    close(folder);
    errno = why;
    return fd;
}

static bool is_absent(int why)
{
    return why == ENOENT || why == ENOTDIR;
}

static enum od_file_state read_disk(const struct od_engine *engine, const char *path,
                                    struct od_file_mark *mark, struct od_bytes *text,
                                    struct od_error *err)
{
    int fd = open_file(engine, path, mark);
    if (fd < 0) {
        bool absent = is_absent(errno);
        od_error_errno(err, "%s: cannot be opened", path);
        return absent ? OD_FILE_ABSENT : OD_FILE_UNREADABLE;
    }
    bool ok = read_open_file(fd, text, err);
    close(fd);
    if (!ok)
        od_error_prefix(err, "%s", path);
    return ok ? OD_FILE_THERE : OD_FILE_UNREADABLE;
}

// From the disk, with a note for those who watch the files and for other workers.
static enum od_file_state look_at(struct od_engine *engine, const char *path, struct od_bytes *text,
                                  struct od_error *err)
{
    struct od_bytes *looked_at = &engine->script.looked_at;
    struct od_file file = {.path = od_slice_of(path)};
    file.state = read_disk(engine, path, &file.mark, text, err);
    if (file.state == OD_FILE_THERE && looked_at->size + text->size > OD_FILES_BYTES_MAX) {
        od_error_set(err, "%s: the script and its modules are larger than %u bytes", path,
                     OD_FILES_BYTES_MAX);
        file.state = OD_FILE_UNREADABLE;
    }
    if (file.state == OD_FILE_THERE)
        file.text = od_bytes_slice(text);
    od_files_put(looked_at, &file);
    return file.state;
}

static enum od_compile read_file(struct od_engine *engine, const char *path, struct od_bytes *text,
                                 struct od_error *err)
{
    static const enum od_compile results[] = {
        [OD_FILE_ABSENT] = OD_COMPILE_ABSENT,
        [OD_FILE_THERE] = OD_COMPILE_OK,
        [OD_FILE_UNREADABLE] = OD_COMPILE_FAILED,
    };
    struct od_file file;
    if (!od_files_find(engine->files, od_slice_of(path), &file))
        return results[look_at(engine, path, text, err)];
    OD_ASSERT(file.state < sizeof results / sizeof *results);
    od_bytes_put_slice(text, file.text);
    if (file.state != OD_FILE_THERE)
        od_error_set(err, "%s: cannot be opened", path);
    return results[file.state];
}

// Without a byte-order mark and without a first line for the shell; its end stays, so that lines
// keep their numbers.
static od_slice code_of(od_slice text)
{
    if (od_slice_starts_with(text, OD_SLICE("\xef\xbb\xbf")))
        text = od_slice_from(text, 3);
    if (!od_slice_starts_with(text, OD_SLICE("#")))
        return text;
    const char *end = memchr(text.at, '\n', text.size);
    return od_slice_from(text, end == NULL ? text.size : (size_t)(end - text.at));
}

// LuaJIT would say of these that something is wrong with their first line, or nothing at all.
static bool is_source(const char *path, od_slice text, struct od_error *err)
{
    if (od_slice_starts_with(text, OD_SLICE("\x1b")))
        return od_error_set(err, "%s: this is bytecode; give the source it was made of", path);
    if (od_slice_starts_with(text, OD_SLICE("\xff\xfe")) ||
        od_slice_starts_with(text, OD_SLICE("\xfe\xff")))
        return od_error_set(err, "%s: this is UTF-16; save it as UTF-8", path);
    return true;
}

static bool compile(lua_State *L, const char *path, od_slice text, struct od_error *err)
{
    char name[path_bytes_max + 2];
    if (!is_source(path, text, err))
        return false;
    snprintf(name, sizeof name, "@%s", path);
    od_slice code = code_of(text);
    if (luaL_loadbufferx(L, code.at == NULL ? "" : code.at, code.size, name, "t") == 0)
        return true;
    od_error_set(err, "%s", lua_tostring(L, -1));
    lua_pop(L, 1);
    return false;
}

enum od_compile od_compile_file(struct od_engine *engine, lua_State *L, const char *path,
                                struct od_error *err)
{
    struct od_bytes text = {0};
    enum od_compile result = read_file(engine, path, &text, err);
    if (result == OD_COMPILE_OK) {
        od_sources_put(&engine->sources, path, od_bytes_slice(&text));
        if (!compile(L, path, od_bytes_slice(&text), err))
            result = OD_COMPILE_FAILED;
    }
    od_bytes_deinit(&text);
    return result;
}

// --- Modules -------------------------------------------------------------------------------------

static bool is_word(char byte)
{
    return isalnum((unsigned char)byte) || byte == '_' || byte == '-';
}

// "lib.x" as "lib/x"; false when it is no module's name.
static bool path_of(const char *name, size_t size, char path[path_bytes_max])
{
    if (size == 0 || size + sizeof "/init.lua" > path_bytes_max)
        return false;
    for (size_t i = 0; i <= size; i++) {
        bool is_gap = name[i] == '.' || name[i] == '/' || i == size;
        if (!is_gap && !is_word(name[i]))
            return false;
        if (is_gap && (i == 0 || !is_word(name[i - 1])))
            return false;
        path[i] = name[i];
        if (name[i] == '.')
            path[i] = '/';
    }
    return true;
}

// Pushes the module's function and its path, the file [folder][path] with an ending. False when
// none is there: then what is on top, a text, says also where they were looked for.
static bool push_file(lua_State *L, const char *folder, const char *path)
{
    static const char *const endings[] = {".lua", "/init.lua"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char full[sizeof OD_REQUIRE_ROCKS + path_bytes_max];
        struct od_error err;
        snprintf(full, sizeof full, "%s%s%s", folder, path, endings[i]);
        switch (od_compile_file(od_engine_of(L), L, full, &err)) {
        case OD_COMPILE_OK:
            lua_remove(L, -2);
            lua_pushstring(L, full);
            return true;
        case OD_COMPILE_ABSENT:
            lua_pushfstring(L, "\n  no file '%s' beside the script", full);
            lua_concat(L, 2);
            break;
        case OD_COMPILE_FAILED:
            lua_pushstring(L, err.text); // It has a place of its own.
            lua_error(L);
        }
    }
    return false;
}

static void push_loaded(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)&loaded_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    if (!lua_isnil(L, -1))
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushlightuserdata(L, (void *)(uintptr_t)&loaded_key);
    lua_pushvalue(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

enum {
    name_index = 1,
    loaded_index = 2
};

static void set_loaded(lua_State *L, int index)
{
    OD_ASSERT(lua_istable(L, loaded_index));
    lua_pushvalue(L, name_index);
    lua_pushvalue(L, index);
    lua_rawset(L, loaded_index);
}

// Stack: the module's function, its path. Leaves what it returned, or true.
static void run_module(lua_State *L)
{
    OD_ASSERT(lua_isfunction(L, -2));
    lua_pushlightuserdata(L, (void *)(uintptr_t)&busy_key);
    set_loaded(L, lua_gettop(L));
    lua_pop(L, 1);
    lua_pushvalue(L, name_index);
    lua_insert(L, -2);
    if (lua_pcall(L, 2, 1, 0) != 0) {
        lua_pushnil(L); // It may be tried again.
        set_loaded(L, lua_gettop(L));
        lua_pop(L, 1);
        lua_error(L);
    }
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_pushboolean(L, true);
    }
}

// Those of Lua that scripts have, and that modules written for any Lua require.
static bool is_library(const char *name)
{
    static const char *const names[] = {"string", "table", "math", "bit", "os", "coroutine"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

static void push_library(lua_State *L, const char *name)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, od_engine_of(L)->globals_ref);
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
}

void od_require_push_loaded(lua_State *L, const char *name)
{
    push_loaded(L);
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
    if (lua_touserdata(L, -1) == &busy_key) {
        lua_pop(L, 1);
        lua_pushnil(L);
    } else if (lua_isnil(L, -1) && is_library(name)) {
        lua_pop(L, 1);
        push_library(L, name);
    }
}

// The function on top, of a module of others, gets the globals that all of these share.
static void set_foreign_globals(lua_State *L)
{
    OD_ASSERT(lua_isfunction(L, -1));
    lua_pushlightuserdata(L, (void *)(uintptr_t)&foreign_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        od_embedded_push(L, "engine.foreign");
        lua_rawgeti(L, LUA_REGISTRYINDEX, od_engine_of(L)->globals_ref);
        lua_call(L, 1, 1);
        lua_pushlightuserdata(L, (void *)(uintptr_t)&foreign_key);
        lua_pushvalue(L, -2);
        lua_rawset(L, LUA_REGISTRYINDEX);
    }
    lua_setfenv(L, -2);
}

// The modules that are part of the program: a script's own file of that name comes first.
static bool push_own(lua_State *L, const char *name)
{
    if (strcmp(name, "open-do") == 0) {
        od_embedded_push(L, name);
        return true;
    }
    if (is_library(name)) {
        push_library(L, name);
        return true;
    }
    if (strcmp(name, "cjson") != 0 && strcmp(name, "cjson.safe") != 0)
        return false;
    od_embedded_push(L, "open-do.cjson");
    lua_getfield(L, -1, name);
    return true;
}

static void push_module(lua_State *L)
{
    char path[path_bytes_max];
    size_t size;
    const char *name = lua_tolstring(L, name_index, &size);
    if (!path_of(name, size, path))
        od_raise(L,
                 "require: '%s' is not the name of a module; write words with dots between them, "
                 "as in 'lib.x'",
                 name);
    lua_pushliteral(L, "");
    if (push_file(L, "", path)) {
        run_module(L);
        return;
    }
    if (push_own(L, name))
        return;
    if (push_file(L, OD_REQUIRE_ROCKS, path)) {
        lua_insert(L, -2); // Below it, its path.
        set_foreign_globals(L);
        lua_insert(L, -2);
        run_module(L);
    } else
        od_raise(L, "module '%s' not found:%s\n  no module of open-do has that name", name,
                 lua_tostring(L, -1));
}

int od_require(lua_State *L)
{
    if (lua_type(L, name_index) != LUA_TSTRING)
        od_raise(L, "require: argument 1 must be a string, got %s", od_describe(L, name_index));
    lua_settop(L, name_index);
    push_loaded(L);
    lua_pushvalue(L, name_index);
    lua_rawget(L, loaded_index);
    if (lua_touserdata(L, -1) == &busy_key)
        od_raise(L, "require: '%s' is being loaded already: modules require each other in a circle",
                 lua_tostring(L, name_index));
    if (!lua_isnil(L, -1))
        return 1;
    push_module(L);
    set_loaded(L, lua_gettop(L));
    return 1;
}
