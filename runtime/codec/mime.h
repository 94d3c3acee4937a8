// Types of files by their names, as a web server tells them.

#ifndef OD_CODEC_MIME_H
#define OD_CODEC_MIME_H

#include "base/slice.h"

// "text/html; charset=utf-8"; "application/octet-stream" for what is not known.
const char *od_mime_type(od_slice file_name);

#endif
