#include "main/operator/inquiry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/log.h"
#include "link/commands.h"
#include "link/invocation.h"
#include "main/operator/limits.h"
#include "object/names/call_message.h"
#include "object/names/label.h"
#include "object/names/route.h"

struct inquiry {
    struct od_inquiries *inquiries;
    struct od_list link;
    uint64_t number;
    uint32_t worker;
    struct od_control_question *question;
    struct od_timer deadline;
};

static void end(struct inquiry *inquiry, bool ok, od_slice answer)
{
    OD_ASSERT(!od_list_is_empty(&inquiry->link));
    OD_ASSERT(inquiry->question != NULL);
    od_loop_clear_timer(inquiry->inquiries->loop, &inquiry->deadline);
    od_list_remove(&inquiry->link);
    od_control_answer(inquiry->question, ok, answer);
    free(inquiry);
}

static void on_late(struct od_timer *timer)
{
    struct inquiry *inquiry = OD_TIMER_MEMBER(timer, struct inquiry, deadline);
    OD_ASSERT(inquiry->worker < inquiry->inquiries->supervisor->child_count);
    struct od_child *child = od_supervisor_ready(inquiry->inquiries->supervisor, inquiry->worker);
    if (child != NULL) {
        size_t mark = od_link_begin(&child->link, OD_KIND_CALL_CANCEL, -1);
        od_bytes_put_u64(&child->link.out, inquiry->number);
        od_link_end(&child->link, mark);
    }
    char text[64];
    int size = snprintf(text, sizeof text, "no answer within %d s\n", OD_INQUIRY_MS_MAX / 1000);
    end(inquiry, false, (od_slice){text, (size_t)size});
}

static void send_question(struct od_inquiries *inquiries, struct od_control_question *question,
                          uint32_t worker, od_slice call)
{
    OD_ASSERT(worker < inquiries->supervisor->child_count);
    struct od_child *child = od_supervisor_ready(inquiries->supervisor, worker);
    if (child == NULL) {
        char text[64];
        int size = snprintf(text, sizeof text, "worker %u is not there at the moment\n", worker);
        od_control_answer(question, false, (od_slice){text, (size_t)size});
        return;
    }
    struct inquiry *inquiry = od_allocate_zeroed(sizeof *inquiry);
    *inquiry = (struct inquiry){.inquiries = inquiries,
                                .number = ++inquiries->last_number,
                                .worker = worker,
                                .question = question,
                                .deadline = {.fire = on_late}};
    od_list_init(&inquiry->link);
    od_list_push_back(&inquiries->open, &inquiry->link);
    od_loop_set_timer(inquiries->loop, &inquiry->deadline, OD_INQUIRY_MS_MAX);
    size_t mark = od_link_begin(&child->link, OD_KIND_CALL, -1);
    od_bytes_put_u64(&child->link.out, inquiry->number);
    od_bytes_put_slice(&child->link.out, call);
    od_link_end(&child->link, mark);
}

// Whoever changes something leaves a line, and a method may change anything; who looks, for who
// wants to know everything.
static void note(struct od_control_question *question, const struct od_call_message *message)
{
    struct od_invocation invocation;
    bool is_method = message->kind == OD_CALL_METHOD;
    if (!od_invocation_read(message->body, &invocation))
        return;
    bool is_look = !is_method && od_command_effect(invocation.method) == OD_COMMAND_LOOKS;
    enum od_log_level level = is_look ? OD_LOG_DEBUG : OD_LOG_INFO;
    if (!od_log_is_on(level))
        return;
    char who[OD_CONTROL_ASKER_BYTES];
    od_control_asker(question, who);
    char *label =
        od_label_new(message->namespace_name, &message->id, message->has_name, message->name);
    od_log(level, label, "%s%.*s, asked for by an operator (%s)", is_method ? "call of " : "",
           (int)invocation.method.size, invocation.method.at, who);
    free(label);
}

static bool find_object(const struct od_router *router, struct od_call_message *message,
                        struct od_error *err)
{
    char text[OD_ID_TEXT_BYTES + 1];
    message->namespace_name = od_router_stored_name(router, message->namespace_name);
    od_namespace_key key = od_namespace_key_of(message->namespace_name);
    if (message->has_name) {
        message->id = od_id_of_name(&key, message->name);
        return true;
    }
    od_id_format(&message->id, text);
    return od_id_parse(&key, (od_slice){text, OD_ID_TEXT_BYTES}, &message->id) == OD_ID_OK ||
           od_error_set(err, "#%s is no id of this namespace\n", text);
}

void od_inquiries_call(struct od_inquiries *inquiries, struct od_control_question *question,
                       od_slice call)
{
    struct od_call_message message;
    struct od_error err;
    if (!od_call_read_message(call, &message) ||
        (message.kind != OD_CALL_METHOD && message.kind != OD_CALL_COMMAND)) {
        od_control_answer(question, false, OD_SLICE("that is no call\n"));
        return;
    }
    note(question, &message);
    if (!find_object(inquiries->router, &message, &err)) {
        od_control_answer(question, false, od_slice_of(err.text));
        return;
    }
    struct od_bytes whole = {0};
    od_call_begin(&whole, message.kind, &message.id, message.namespace_name, message.has_name,
                  message.name);
    od_bytes_put_slice(&whole, message.body);
    uint32_t worker = od_worker_of(&message.id, inquiries->supervisor->child_count);
    send_question(inquiries, question, worker, od_bytes_slice(&whole));
    od_bytes_deinit(&whole);
}

// Any of ours can ask a worker of another node.
static uint32_t any_worker(const struct od_supervisor *supervisor)
{
    uint32_t worker = 0;
    while (worker + 1 < supervisor->child_count &&
           supervisor->children[worker].state != OD_CHILD_READY)
        worker++;
    return worker;
}

static void send_list(struct od_inquiries *inquiries, struct od_control_question *question,
                      uint32_t asked, uint32_t place, od_slice what)
{
    struct od_bytes call = {0};
    od_slice none = {NULL, 0};
    od_call_begin(&call, OD_CALL_LIST, &(od_id){{0}}, none, false, none);
    od_bytes_put_u32(&call, place);
    od_bytes_put_slice(&call, what);
    send_question(inquiries, question, asked, od_bytes_slice(&call));
    od_bytes_deinit(&call);
}

void od_inquiries_list(struct od_inquiries *inquiries, struct od_control_question *question,
                       od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    od_node_id node = od_cursor_u32(&cursor);
    uint32_t worker = od_cursor_u32(&cursor), place = 0;
    od_slice what = od_cursor_rest(&cursor);
    bool is_here = node == 0 || node == inquiries->nodes->placement->self.id;
    if (cursor.failed || (is_here && worker >= inquiries->supervisor->child_count))
        od_control_answer(question, false, OD_SLICE("there is no such worker\n"));
    else if (is_here)
        send_list(inquiries, question, worker, worker, what);
    else if (od_node_process_find(inquiries->nodes, node, worker, &place))
        send_list(inquiries, question, any_worker(inquiries->supervisor), place, what);
    else
        od_control_answer(question, false, OD_SLICE("it is not linked with the node asked\n"));
}

bool od_inquiries_take_reply(struct od_inquiries *inquiries, const struct od_child *child,
                             od_slice body)
{
    struct od_cursor cursor = od_cursor_of(body);
    uint64_t number = od_cursor_u64(&cursor);
    od_slice answer = od_cursor_rest(&cursor);
    if (cursor.failed || answer.size == 0)
        return false;
    OD_LIST_EACH_SAFE (link, &inquiries->open) {
        struct inquiry *inquiry = OD_LIST_MEMBER(link, struct inquiry, link);
        if (inquiry->number == number && inquiry->worker == child->index) {
            end(inquiry, true, answer);
            break;
        }
    }
    return true;
}

void od_inquiries_worker_gone(struct od_inquiries *inquiries, uint32_t worker)
{
    char text[64];
    int size = snprintf(text, sizeof text, "worker %u, which was asked, has ended\n", worker);
    OD_LIST_EACH_SAFE (link, &inquiries->open) {
        struct inquiry *inquiry = OD_LIST_MEMBER(link, struct inquiry, link);
        if (inquiry->worker == worker)
            end(inquiry, false, (od_slice){text, (size_t)size});
    }
}

void od_inquiries_init(struct od_inquiries *inquiries, struct od_loop *loop,
                       struct od_supervisor *supervisor, const struct od_router *router,
                       const struct od_node_process *nodes)
{
    *inquiries = (struct od_inquiries){
        .loop = loop, .supervisor = supervisor, .router = router, .nodes = nodes};
    od_list_init(&inquiries->open);
}

void od_inquiries_deinit(struct od_inquiries *inquiries)
{
    OD_LIST_EACH_SAFE (link, &inquiries->open)
        end(OD_LIST_MEMBER(link, struct inquiry, link), false, OD_SLICE("the server stops\n"));
}
