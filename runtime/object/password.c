#include "object/password.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <uv.h>

#include "base/cursor.h"
#include "link/failure.h"
#include "net/net.h"
#include "object/limits.h"
#include "object/objects.h"
#include "object/task.h"

struct work {
    uv_work_t work;
    struct od_objects *objects;
    uint64_t task;
    bool ok;
    unsigned char key[OD_PASSWORD_KEY_BYTES];
    size_t size;
    char bytes[];
};

bool od_password_cost_is_bounded(const struct od_password_cost *cost)
{
    return cost->log_n >= 1 && cost->log_n < 32 && cost->r >= 1 && cost->p >= 1 &&
           cost->p <= OD_PASSWORD_P_MAX &&
           (uint64_t)128 * cost->r << cost->log_n <= OD_PASSWORD_MEMORY_MAX;
}

void od_password_put(struct od_bytes *bytes, const struct od_password_cost *cost, od_slice salt,
                     od_slice password)
{
    OD_ASSERT(od_password_cost_is_bounded(cost));
    OD_ASSERT(salt.size <= UINT8_MAX);
    od_bytes_put_u8(bytes, cost->log_n);
    od_bytes_put_u8(bytes, cost->r);
    od_bytes_put_u8(bytes, cost->p);
    od_bytes_put_u8(bytes, (uint8_t)salt.size);
    od_bytes_put_slice(bytes, salt);
    od_bytes_put_slice(bytes, password);
}

// As the kernel wants it; glibc has no name for it that all versions know.
struct scheduling {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

// So many keys at once are more threads than there are cores, and each computes for some hundredths
// of a second: whoever has an event to handle goes before them. Threads of this pool stay as they
// are then, and what else they do (rewind.c) can wait, too. Where the kernel refuses it, they are
// as good as others.
static void let_others_go_first(void)
{
    static _Thread_local bool is_done;
    if (is_done)
        return;
    is_done = true;
    int nice = getpriority(PRIO_PROCESS, 0) + OD_PASSWORD_NICE; // Of this thread.
    struct scheduling scheduling = {
        .size = sizeof scheduling, .policy = SCHED_BATCH, .nice = nice < 19 ? nice : 19};
    (void)syscall(SYS_sched_setattr, 0, &scheduling, 0u);
}

// In a thread of the pool.
static void derive(uv_work_t *request)
{
    struct work *work = request->data;
    let_others_go_first();
    struct od_cursor cursor = od_cursor_of((od_slice){work->bytes, work->size});
    uint8_t log_n = od_cursor_u8(&cursor), r = od_cursor_u8(&cursor), p = od_cursor_u8(&cursor);
    od_slice salt = od_cursor_bytes(&cursor, od_cursor_u8(&cursor));
    od_slice password = od_cursor_rest(&cursor);
    work->ok =
        !cursor.failed &&
        EVP_PBE_scrypt(password.size > 0 ? password.at : "", password.size,
                       (const unsigned char *)salt.at, salt.size, (uint64_t)1 << log_n, r, p,
                       (uint64_t)2 * OD_PASSWORD_MEMORY_MAX, work->key, sizeof work->key) == 1;
}

static void resume(struct od_task *task, bool ok, od_slice bytes)
{
    struct od_event *event = od_event_new(OD_EVENT_RESUME, bytes);
    event->ok = ok;
    event->task = task->id;
    od_object_receive(task->object, event);
}

static void fail(struct od_task *task, od_slice why)
{
    struct od_bytes record = {0};
    od_failure_put(&record, &(struct od_failure){.message = why});
    resume(task, false, od_bytes_slice(&record));
    od_bytes_deinit(&record);
}

static void work_free(struct work *work)
{
    OPENSSL_cleanse(work->key, sizeof work->key);
    OPENSSL_cleanse(work->bytes, work->size);
    free(work);
}

static void derived(uv_work_t *request, int status)
{
    struct work *work = request->data;
    struct od_task *task = od_task_find(work->objects, work->task);
    OD_ASSERT(work->objects->passwords > 0);
    work->objects->passwords--;
    if (task != NULL && status == 0 && work->ok)
        resume(task, true, (od_slice){(const char *)work->key, sizeof work->key});
    else if (task != NULL)
        fail(task, OD_SLICE("password: the key could not be made"));
    work_free(work);
}

void od_task_wait_password(struct od_task *task, od_slice bytes)
{
    struct od_objects *objects = task->object->objects;
    if (objects->passwords >= OD_PASSWORDS_MAX) {
        fail(task, OD_SLICE("password: too many passwords wait already; try again later"));
        return;
    }
    struct work *work = od_allocate_zeroed(sizeof *work + bytes.size);
    work->objects = objects;
    work->task = task->id;
    work->size = bytes.size;
    memcpy(work->bytes, bytes.at, bytes.size);
    work->work.data = work;
    int status = uv_queue_work(&objects->net->loop->uv, &work->work, derive, derived);
    OD_ASSERT(status == 0);
    objects->passwords++;
}
