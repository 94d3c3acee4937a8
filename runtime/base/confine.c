#include "base/confine.h"

#include <stddef.h>

#include "base/log.h"

#if defined __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#define RETURN_VALUE(context) ((context)->uc_mcontext.gregs[REG_RAX])
#elif defined __aarch64__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#define RETURN_VALUE(context) ((context)->uc_mcontext.regs[0])
#endif

#if defined ARCHITECTURE && !defined __SANITIZE_ADDRESS__

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/confine_rules.h"

enum {
    rule_count = sizeof rules / sizeof *rules,
    instructions_a_rule = 7,
    instructions_max = rule_count * instructions_a_rule + 8,
};

// What the handler leaves for od_confine_report, which may log.
static atomic_uint refused_count;
static atomic_int refused_last;

// The system call was not made; its answer is given here.
static void on_refused(int number, siginfo_t *info, void *context)
{
    (void)number;
    RETURN_VALUE((ucontext_t *)context) = -EPERM;
    atomic_store(&refused_last, info->si_syscall);
    atomic_fetch_add(&refused_count, 1);
}

static const char *describe(int number)
{
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        if (attempts[i].number == number)
            return attempts[i].what;
    }
    return "make a system call that workers do not need";
}

void od_confine_report(void)
{
    if (atomic_load_explicit(&refused_count, memory_order_relaxed) == 0)
        return;
    unsigned count = atomic_exchange(&refused_count, 0);
    int number = atomic_load(&refused_last);
    od_log(
        OD_LOG_ERROR, NULL,
        "refused by --confine: process %d tried to %s (system call %d%s); this is an attack or a "
        "bug in open-do",
        (int)getpid(), describe(number), number, count > 1 ? ", and others" : "");
}

// --- The filter ----------------------------------------------------------------------------------

struct program {
    struct sock_filter at[instructions_max];
    unsigned short size;
};

static void put(struct program *program, struct sock_filter instruction)
{
    OD_ASSERT(program->size < instructions_max);
    program->at[program->size++] = instruction;
}

static void put_load(struct program *program, size_t offset)
{
    put(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void put_return(struct program *program, uint32_t action)
{
    put(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

// Passes over [count] instructions unless what is loaded is [value].
static void put_unless(struct program *program, uint32_t value, uint8_t count)
{
    put(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count));
}

static uint32_t action_of(const struct rule *rule)
{
    return rule->error == 0 ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | (uint32_t)rule->error;
}

// Expects the number of the call to be loaded, and leaves it so. The arguments looked at are ints:
// the kernel, too, takes only their lower half, which is first in memory on these machines.
static void put_rule(struct program *program, const struct rule *rule)
{
    if (rule->argument == ALWAYS) {
        put_unless(program, (uint32_t)rule->number, 1);
        put_return(program, action_of(rule));
        return;
    }
    uint32_t value = rule->value == OWN_PID ? (uint32_t)getpid() : rule->value;
    put_unless(program, (uint32_t)rule->number, 5);
    put_load(program, offsetof(struct seccomp_data, args) + (size_t)rule->argument * 8);
    put(program, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, rule->mask));
    put_unless(program, value, 1);
    put_return(program, action_of(rule));
    put_load(program, offsetof(struct seccomp_data, nr));
}

// Loads the number of the call.
static void put_begin(struct program *program)
{
    put_load(program, offsetof(struct seccomp_data, arch));
    put_unless(program, ARCHITECTURE, 1);
    put(program, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 1));
    put_return(program, SECCOMP_RET_KILL_PROCESS); // Other numbers would mean other calls.
    put_load(program, offsetof(struct seccomp_data, nr));
}

static void put_all(struct program *program)
{
    put_begin(program);
    for (int i = 0; i < rule_count; i++)
        put_rule(program, &rules[i]);
    put_return(program, SECCOMP_RET_TRAP);
}

static bool install(struct program *program)
{
    struct sock_fprog filter = {program->size, program->at};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

void od_confine_prepare(void)
{
    struct program program = {.size = 0};
    put_begin(&program);
    put_unless(&program, SYS_io_uring_setup, 1);
    put_return(&program, SECCOMP_RET_ERRNO | ENOSYS);
    put_return(&program, SECCOMP_RET_ALLOW);
    (void)install(&program); // Where it fails, od_confine fails too, and says so.
}

bool od_confine(struct od_error *err)
{
    struct program program = {.size = 0};
    struct sigaction action = {.sa_sigaction = on_refused, .sa_flags = SA_SIGINFO | SA_NODEFER};
    put_all(&program);
    if (sigaction(SIGSYS, &action, NULL) != 0 || !install(&program))
        return od_error_errno(err, "the kernel does not confine this process (--confine)");
    return true;
}

#else

void od_confine_prepare(void)
{
}

bool od_confine(struct od_error *err)
{
    (void)err;
    return true;
}

void od_confine_report(void)
{
}

#endif
