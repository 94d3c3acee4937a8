#include "worker/log_teller.h"

#include "base/log.h"

#define GATHERED_BYTES_MAX (1u << 20) // In one turn; a script that says more is not followed.

static void on_line(void *owner, od_slice line)
{
    struct od_log_teller *teller = owner;
    OD_ASSERT(teller->is_on);
    if (teller->lines.size + line.size <= GATHERED_BYTES_MAX)
        od_bytes_put_slice(&teller->lines, line);
}

static void send_lines(struct od_link *main, bool are_remembered, od_slice lines)
{
    size_t mark = od_link_begin(main, OD_KIND_LOGGED, -1);
    od_bytes_put_u8(&main->out, are_remembered);
    od_bytes_put_slice(&main->out, lines);
    od_link_end(main, mark);
}

void od_log_teller_set(struct od_log_teller *teller, struct od_link *main, bool is_on)
{
    struct od_bytes recent = {0};
    bool was_on = teller->is_on;
    teller->is_on = is_on;
    od_log_listen(is_on ? on_line : NULL, teller);
    od_bytes_clear(&teller->lines);
    if (!is_on || was_on)
        return;
    od_log_put_recent(&recent);
    send_lines(main, true, od_bytes_slice(&recent));
    od_bytes_deinit(&recent);
}

void od_log_teller_turn(struct od_log_teller *teller, struct od_link *main)
{
    OD_ASSERT(teller->is_on || teller->lines.size == 0);
    if (teller->lines.size == 0)
        return;
    send_lines(main, false, od_bytes_slice(&teller->lines));
    od_bytes_clear(&teller->lines);
}

void od_log_teller_deinit(struct od_log_teller *teller)
{
    od_log_listen(NULL, NULL);
    od_bytes_deinit(&teller->lines);
}
