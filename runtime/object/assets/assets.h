// Assets: the files that a script has beside it, served before its fetch is asked.
//
// A request GET or HEAD whose path names a file beneath the script's folder of assets is answered
// with it, by whichever worker has the connection, without Lua: the head is made here and the
// kernel copies the file. What is not a file there goes on to the script; what that has no place
// for either is answered as [not_found] says.
//
// "/" is "/index.html", "/about" also "/about.html", and "/docs" leads to "/docs/" when that has an
// index. Names that begin with a dot, links that lead outside, and what is no regular file, are not
// there (base/beneath.h). The folder is what has its name when a request comes: a build may remove
// it and make it anew.
//
// Process: worker. Owner: struct od_script; one for each version.

#ifndef OD_OBJECT_ASSETS_ASSETS_H
#define OD_OBJECT_ASSETS_ASSETS_H

#include "base/bytes.h"
#include "base/error.h"
#include "link/request.h"

struct od_assets;

enum od_assets_not_found {
    OD_ASSETS_NO_ANSWER,  // A plain 404.
    OD_ASSETS_404_PAGE,   // The nearest 404.html.
    OD_ASSETS_SINGLE_PAGE // /index.html, for pages; the rest is a plain 404.
};

// [folder] is the script's, [directory] is relative to it.
OD_MUST_CHECK bool od_assets_new(struct od_assets **assets, const char *folder,
                                 const char *directory, enum od_assets_not_found not_found,
                                 struct od_error *err);
void od_assets_free(struct od_assets *assets); // NULL is allowed.

// Paths that the script is asked for first: "/api/*", or a whole one.
void od_assets_add_script_first(struct od_assets *assets, od_slice pattern);

const char *od_assets_directory(const struct od_assets *assets); // NULL: there are none.

struct od_assets_answer {
    uint16_t status;
    struct od_bytes response; // link/response.h; who has asked frees it.
    int fd;                   // Not -1, and who has asked closes it: the body,
    uint64_t first, size;     // so many bytes of it from there on.
    bool is_poll;             // Each open page asks twice a second: nothing to be logged.
};

// False: [request] names no file; [answer] is empty. With [tells_changes] pages are told that a
// file has changed (assets_changes.h). At last: nobody else has answered it, so the answer for what
// is not found counts.
OD_MUST_CHECK bool od_assets_answer(struct od_assets *assets, const struct od_request *request,
                                    bool tells_changes, struct od_assets_answer *answer);
OD_MUST_CHECK bool od_assets_answer_at_last(const struct od_assets *assets,
                                            const struct od_request *request,
                                            struct od_assets_answer *answer);

// Both, as a response with its body, for a script that asks; 404 when nothing is found.
void od_assets_fetch(struct od_assets *assets, const struct od_request *request,
                     struct od_bytes *response);

#endif
