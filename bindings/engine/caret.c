#include "engine/caret.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/check.h"

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

// Where [word] is in [text] from [from] on, as a whole word; or NULL.
static const char *find_word(od_slice text, const char *from, od_slice word)
{
    const char *end = text.at + text.size;
    OD_ASSERT(word.size > 0);
    while (from < end) {
        const char *at = memmem(from, (size_t)(end - from), word.at, word.size);
        if (at == NULL)
            return NULL;
        const char *last = at + word.size - 1;
        bool begins = at == text.at || !is_word(at[-1]) || !is_word(*at);
        bool ends = last + 1 == end || !is_word(last[1]) || !is_word(*last);
        if (begins && ends)
            return at;
        from = at + 1;
    }
    return NULL;
}

// The last thing in quotes: of the compiler it is what it stumbled over.
static od_slice last_quoted(od_slice message)
{
    const char *close = memrchr(message.at, '\'', message.size);
    size_t before = close == NULL ? 0 : (size_t)(close - message.at);
    const char *open = before == 0 ? NULL : memrchr(message.at, '\'', before);
    if (open == NULL)
        return (od_slice){NULL, 0};
    return (od_slice){open + 1, (size_t)(close - open) - 1};
}

od_slice od_caret_find(od_slice line, od_slice message)
{
    static const od_slice none = {NULL, 0};
    const char *newline = message.size == 0 ? NULL : memchr(message.at, '\n', message.size);
    if (newline != NULL)
        message.size = (size_t)(newline - message.at);
    od_slice word = message.size == 0 ? none : last_quoted(message);
    const char *at = word.size == 0 || line.size == 0 ? NULL : find_word(line, line.at, word);
    if (at == NULL || find_word(line, at + word.size, word) != NULL)
        return none;
    return (od_slice){at, word.size};
}
