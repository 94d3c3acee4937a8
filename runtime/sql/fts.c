#include "sql/fts.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "sql/limits.h"

// A row that is found, and where in it the words stand: *instances* of the query's phrases, in the
// order of columns and tokens.
struct row {
    const Fts5ExtensionApi *api;
    Fts5Context *fts;
    int count; // Of instances.
};

struct instance {
    int phrase, column, token;
};

static bool open_row(struct row *row, const Fts5ExtensionApi *api, Fts5Context *fts)
{
    *row = (struct row){.api = api, .fts = fts};
    return api->xInstCount(fts, &row->count) == SQLITE_OK;
}

static struct instance instance_at(const struct row *row, int place)
{
    struct instance instance = {0};
    if (row->api->xInst(row->fts, place, &instance.phrase, &instance.column, &instance.token) !=
        SQLITE_OK)
        instance.column = -1;
    return instance;
}

static bool is_before(struct instance instance, int column, int token)
{
    return instance.column < column || (instance.column == column && instance.token < token);
}

// The first instance that is not before that token.
static int find_instance(const struct row *row, int column, int token)
{
    int low = 0, high = row->count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (is_before(instance_at(row, middle), column, token))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// --- Marking -------------------------------------------------------------------------------------

struct marking {
    const struct row *row;
    int column;
    int place;       // Of the next instance.
    int first, last; // Tokens that are marked together next; -1: none.
    int from, to;    // Tokens that are shown; 0 and 0: all.
    int token;       // The next.
    od_slice text;
    size_t done; // Bytes of it that were shown.
    const char *open, *close;
    struct od_bytes out;
};

// Instances that overlap are marked as one.
static void find_marked(struct marking *marking)
{
    marking->first = marking->last = -1;
    for (; marking->place < marking->row->count; marking->place++) {
        struct instance instance = instance_at(marking->row, marking->place);
        if (instance.column != marking->column)
            continue;
        int last =
            instance.token - 1 + marking->row->api->xPhraseSize(marking->row->fts, instance.phrase);
        if (marking->first >= 0 && instance.token > marking->last)
            return;
        if (marking->first < 0)
            marking->first = instance.token;
        marking->last = last > marking->last ? last : marking->last;
    }
}

static void show_to(struct marking *marking, size_t end)
{
    if (end > marking->done && end <= marking->text.size)
        od_bytes_put(&marking->out, marking->text.at + marking->done, end - marking->done);
    marking->done = end;
}

static void show(struct marking *marking, const char *words)
{
    if (words != NULL)
        od_bytes_put(&marking->out, words, strlen(words));
}

static void end_marked(struct marking *marking, size_t end)
{
    if (marking->to >= 0 && marking->first < marking->from) // It began before what is shown.
        show(marking, marking->open);
    show_to(marking, end);
    show(marking, marking->close);
    find_marked(marking);
}

static int on_token(void *owner, int flags, const char *word, int size, int begin, int end)
{
    struct marking *marking = owner;
    (void)word, (void)size;
    if ((flags & FTS5_TOKEN_COLOCATED) != 0)
        return SQLITE_OK;
    int token = marking->token++;
    bool is_part = marking->to > 0;
    if (is_part && (token < marking->from || token > marking->to))
        return SQLITE_OK;
    if (is_part && marking->from > 0 && token == marking->from)
        marking->done = (size_t)begin;
    if (token == marking->first) {
        show_to(marking, (size_t)begin);
        show(marking, marking->open);
    }
    if (token == marking->last)
        end_marked(marking, (size_t)end);
    if (is_part && token == marking->to) {
        show_to(marking, (size_t)end);
        if (token >= marking->first && token < marking->last)
            show(marking, marking->close);
    }
    return marking->out.size <= OD_SQL_VALUE_BYTES_MAX ? SQLITE_OK : SQLITE_TOOBIG;
}

static bool open_column(struct marking *marking, const struct row *row, int column, int *code)
{
    int size = 0;
    marking->row = row;
    marking->column = column;
    *code = row->api->xColumnText(row->fts, column, &marking->text.at, &size);
    marking->text.size = (size_t)size;
    find_marked(marking);
    return *code == SQLITE_OK && marking->text.at != NULL;
}

static int mark(struct marking *marking)
{
    const struct row *row = marking->row;
    return row->api->xTokenize(row->fts, marking->text.at, (int)marking->text.size, marking,
                               on_token);
}

static void give(sqlite3_context *context, struct marking *marking, int code)
{
    if (code != SQLITE_OK)
        sqlite3_result_error_code(context, code);
    else if (marking->text.at != NULL)
        sqlite3_result_text(context, marking->out.size > 0 ? marking->out.at : "",
                            (int)marking->out.size, SQLITE_TRANSIENT);
    od_bytes_deinit(&marking->out);
}

static const char *text_at(sqlite3_value *value)
{
    return (const char *)sqlite3_value_text(value);
}

// highlight(table, column, open, close)
static void highlight(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *context,
                      int count, sqlite3_value **values)
{
    struct row row;
    int code = SQLITE_ERROR;
    if (count != 3) {
        sqlite3_result_error(context, "wrong number of arguments to function highlight()", -1);
        return;
    }
    struct marking marking = {.open = text_at(values[1]), .close = text_at(values[2])};
    if (open_row(&row, api, fts) &&
        open_column(&marking, &row, sqlite3_value_int(values[0]), &code)) {
        code = mark(&marking);
        show_to(&marking, marking.text.size);
    }
    give(context, &marking, code);
}

// --- The best part of a text ---------------------------------------------------------------------

struct part {
    int column;
    int from; // Token.
    int score;
    int column_tokens; // How many it has.
};

struct search {
    const struct row *row;
    int column;
    int column_tokens;
    int tokens; // That a part has.
    unsigned char *seen;
    struct od_bytes sentences; // Tokens that begin one, int each.
    int sentence, tried;       // The one that is looked at, and the last that was tried.
    od_slice text;
    int token;
    struct part best;
};

// What a part is worth that begins there: a thousand for each phrase, one for each time again.
// [place] is the first instance in it, and [adjusted] where it would begin with its words in the
// middle.
static int score_of(struct search *search, int place, int from, int *adjusted)
{
    const struct row *row = search->row;
    int score = 0, first = -1, last = 0;
    memset(search->seen, 0, (size_t)row->api->xPhraseCount(row->fts));
    for (int i = place; i < row->count; i++) {
        struct instance at = instance_at(row, i);
        if (at.column != search->column || at.token >= from + search->tokens)
            break;
        score += search->seen[at.phrase] ? 1 : 1000;
        search->seen[at.phrase] = 1;
        first = first < 0 ? at.token : first;
        last = at.token + row->api->xPhraseSize(row->fts, at.phrase);
    }
    *adjusted = first - (search->tokens - (last - first)) / 2;
    if (*adjusted + search->tokens > search->column_tokens)
        *adjusted = search->column_tokens - search->tokens;
    *adjusted = *adjusted < 0 ? 0 : *adjusted;
    return score;
}

static void consider(struct search *search, int from, int score)
{
    if (score > search->best.score)
        search->best = (struct part){search->column, from, score, search->column_tokens};
}

// A sentence begins behind blanks behind a full stop or a colon.
static bool begins_sentence(const struct search *search, int begin)
{
    int at = begin - 1;
    while (at >= 0 && strchr(" \t\r\n", search->text.at[at]) != NULL && search->text.at[at] != 0)
        at--;
    return search->token == 0 || (at >= 0 && at != begin - 1 &&
                                  (search->text.at[at] == '.' || search->text.at[at] == ':'));
}

static int on_token_of_search(void *owner, int flags, const char *word, int size, int begin,
                              int end)
{
    struct search *search = owner;
    (void)word, (void)size, (void)end;
    if ((flags & FTS5_TOKEN_COLOCATED) != 0)
        return SQLITE_OK;
    if (begins_sentence(search, begin))
        od_bytes_put(&search->sentences, &search->token, sizeof search->token);
    search->token++;
    return SQLITE_OK;
}

static void try_sentence(struct search *search, int token)
{
    int adjusted, place = find_instance(search->row, search->column, token);
    int score = score_of(search, place, token, &adjusted);
    consider(search, token, score + (token == 0 ? 120 : 100));
}

// The sentence in which [token] stands is tried too, once.
static void try_sentence_of(struct search *search, int token)
{
    const int *sentences = (const int *)(const void *)search->sentences.at;
    int count = (int)(search->sentences.size / sizeof *sentences);
    while (search->sentence < count - 1 && sentences[search->sentence + 1] <= token)
        search->sentence++;
    if (search->tried == search->sentence || count == 0 || sentences[search->sentence] >= token)
        return;
    search->tried = search->sentence;
    try_sentence(search, sentences[search->sentence]);
}

// Each instance is tried as the beginning.
static void try_all(struct search *search)
{
    int before = -1, adjusted;
    search->sentence = 0;
    search->tried = -1;
    for (int i = find_instance(search->row, search->column, 0); i < search->row->count; i++) {
        struct instance at = instance_at(search->row, i);
        if (at.column != search->column)
            return;
        if (at.token == before)
            continue;
        before = at.token;
        int score = score_of(search, i, at.token, &adjusted);
        consider(search, adjusted, score);
        if (search->column_tokens > search->tokens)
            try_sentence_of(search, at.token);
    }
}

static int search_column(struct search *search)
{
    const struct row *row = search->row;
    int size = 0;
    od_bytes_clear(&search->sentences);
    search->token = 0;
    int code = row->api->xColumnText(row->fts, search->column, &search->text.at, &size);
    if (code != SQLITE_OK || search->text.at == NULL)
        return code;
    code = row->api->xTokenize(row->fts, search->text.at, size, search, on_token_of_search);
    if (code == SQLITE_OK)
        code = row->api->xColumnSize(row->fts, search->column, &search->column_tokens);
    if (code == SQLITE_OK)
        try_all(search);
    return code;
}

// A negative [column]: the best of all.
static int find_best(const struct row *row, int column, int tokens, struct part *best)
{
    struct search search = {.row = row, .tokens = tokens, .best.column = column < 0 ? 0 : column};
    int code = SQLITE_OK, columns = row->api->xColumnCount(row->fts);
    search.seen = od_allocate((size_t)row->api->xPhraseCount(row->fts) + 1);
    for (int i = 0; code == SQLITE_OK && i < columns; i++) {
        search.column = i;
        if (column < 0 || column == i)
            code = search_column(&search);
    }
    if (code == SQLITE_OK && search.best.score == 0)
        code = row->api->xColumnSize(row->fts, search.best.column, &search.best.column_tokens);
    od_bytes_deinit(&search.sentences);
    free(search.seen);
    *best = search.best;
    return code;
}

static int show_part(struct marking *marking, const struct row *row, const struct part *part,
                     int tokens, const char *ellipsis)
{
    int code;
    if (!open_column(marking, row, part->column, &code))
        return code;
    marking->from = part->from;
    marking->to = part->from + tokens - 1;
    if (part->from > 0)
        show(marking, ellipsis);
    while (marking->first >= 0 && marking->first < part->from)
        find_marked(marking);
    code = mark(marking);
    if (marking->to >= part->column_tokens - 1)
        show_to(marking, marking->text.size);
    else
        show(marking, ellipsis);
    return code;
}

// snippet(table, column, open, close, ellipsis, tokens)
static void snippet(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *context,
                    int count, sqlite3_value **values)
{
    struct row row;
    struct part best;
    int code = SQLITE_ERROR;
    if (count != 5) {
        sqlite3_result_error(context, "wrong number of arguments to function snippet()", -1);
        return;
    }
    struct marking marking = {.open = text_at(values[1]), .close = text_at(values[2])};
    int tokens = sqlite3_value_int(values[4]);
    if (open_row(&row, api, fts))
        code = find_best(&row, sqlite3_value_int(values[0]), tokens, &best);
    if (code == SQLITE_OK)
        code = show_part(&marking, &row, &best, tokens, text_at(values[3]));
    give(context, &marking, code);
}

// --- FTS5 ----------------------------------------------------------------------------------------

// Which gives itself away to whoever knows how to ask.
static fts5_api *find_fts5(sqlite3 *db)
{
    fts5_api *api = NULL;
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, "SELECT fts5(?)", -1, &statement, NULL) != SQLITE_OK)
        return NULL;
    sqlite3_bind_pointer(statement, 1, (void *)&api, "fts5_api_ptr", NULL);
    sqlite3_step(statement);
    sqlite3_finalize(statement);
    return api;
}

int od_sql_fts_add(sqlite3 *db)
{
    fts5_api *api = find_fts5(db);
    if (api == NULL) // A library without it.
        return SQLITE_OK;
    int code = api->xCreateFunction(api, "highlight", NULL, highlight, NULL);
    return code == SQLITE_OK ? api->xCreateFunction(api, "snippet", NULL, snippet, NULL) : code;
}
