#include "runtime/native/profile.h"

#include <stdlib.h>

#include "runtime/native/cost.h"
#include "runtime/native/trace.h"

// The trace has the first events of each entry and part; 2,000 are about 300 KB.
enum { MOST_TRACED = 2000 };

typedef struct watched {  // an entry that ran
    const dn_entry *entry;
    const dn_native_entry *code;
    dn_native_time whole;  // with what is done around the launches
    dn_native_time *launches;
    int64_t traced;  // launches
} watched;

struct dn_profile {
    const dn_program *program;
    bool *is_init;            // of each entry: it makes a first value
    watched **entries;        // NULL: it did not run
    int64_t *variable_bytes;  // of each variable, as allocated
    dn_native_time parts[DN_PROFILE_PARTS];
    double part_begin[DN_PROFILE_PARTS];
    double begin;
    dn_trace *trace;
    watched *now;  // the entry that is running
    double run_begin;
};

static const char *const part_names[DN_PROFILE_PARTS] = {"waiting for data", "compiling"};

dn_status dn_profile_new(const dn_program *program, const char *trace, dn_profile **out) {
    dn_profile *p = dn_xcalloc(1, sizeof *p);
    p->program = program;
    p->begin = dn_seconds();
    p->entries = dn_xcalloc((size_t)program->n_entries + 1, sizeof *p->entries);
    p->is_init = dn_xcalloc((size_t)program->n_entries + 1, sizeof *p->is_init);
    p->variable_bytes = dn_xcalloc((size_t)program->n_variables + 1, sizeof *p->variable_bytes);
    for (int i = 0; i < program->n_variables; i++) p->is_init[program->variables[i].init] = true;
    dn_status status = trace ? dn_trace_new(trace, program->name, p->begin, &p->trace) : DN_SUCCESS;
    if (status)
        dn_profile_free(p);
    else
        *out = p;
    return status;
}

void dn_profile_free(dn_profile *p) {
    if (!p) return;
    for (int i = 0; i < p->program->n_entries; i++) {
        if (p->entries[i]) free(p->entries[i]->launches);
        free(p->entries[i]);
    }
    dn_status_free(dn_profile_end_trace(p));
    free(p->entries);
    free(p->is_init);
    free(p->variable_bytes);
    free(p);
}

dn_status dn_profile_end_trace(dn_profile *p) {
    dn_trace *trace = p->trace;
    p->trace = NULL;
    return trace ? dn_trace_end(trace) : DN_SUCCESS;
}

// ---- while it runs ----

static void add_time(dn_native_time *time, double begin, double end) {
    time->seconds += end - begin;
    time->runs++;
}

// Whether event number `n` (from 0) of something is still in the trace; says once that it is not.
static bool is_traced(dn_profile *p, int64_t n, const char *name, const char *what, double when) {
    if (!p->trace || n > MOST_TRACED) return false;
    if (n < MOST_TRACED) return true;
    char *text = dn_printf("%s: %s beyond the first %d are left out", name, what, MOST_TRACED);
    dn_trace_note(p->trace, text, when);
    free(text);
    return false;
}

// "gan.dnet:31", or "-" in another file. free() it.
static char *line_text(const dn_profile *p, const dn_native_launch *launch) {
    return launch->line ? dn_printf("%s:%d", p->program->source, launch->line) : dn_strdup("-");
}

static void launched(void *context, int index, double begin, double end) {
    dn_profile *p = context;
    watched *w = p->now;
    const dn_native_launch *launch = &w->code->launches[index];
    add_time(&w->launches[index], begin, end);
    if (!is_traced(p, w->traced++, w->entry->name, "kernels", begin)) return;
    char *line = line_text(p, launch);
    dn_trace_add(p->trace, &(dn_trace_event){.name = w->code->names + launch->name,
                                             .category = "kernel",
                                             .line = line,
                                             .flops = launch->flops,
                                             .bytes = launch->bytes,
                                             .begin = begin,
                                             .end = end});
    free(line);
}

static watched *watch(dn_profile *p, const dn_entry *entry, const dn_native_entry *code) {
    watched **w = &p->entries[entry - p->program->entries];
    if (*w) return *w;
    *w = dn_xcalloc(1, sizeof **w);
    (*w)->entry = entry;
    (*w)->code = code;
    (*w)->launches = dn_xcalloc((size_t)code->n_launches + 1, sizeof *(*w)->launches);
    return *w;
}

static void note_variables(dn_profile *p, const dn_native_call *call) {
    for (int i = 0; i < call->entry->n_vars; i++)
        p->variable_bytes[call->entry->vars[i]] = (int64_t)call->vars[i]->bytes;
}

dn_native_watcher dn_profile_begin_run(dn_profile *p, const dn_entry *entry,
                                       const dn_native_entry *code) {
    p->now = watch(p, entry, code);
    p->run_begin = dn_seconds();
    return (dn_native_watcher){p, launched};
}

void dn_profile_end_run(dn_profile *p, const dn_native_call *call) {
    const char *name = call->entry->name;
    double begin = p->run_begin, end = dn_seconds();
    if (is_traced(p, p->now->whole.runs, name, "runs", begin))
        dn_trace_add(p->trace, &(dn_trace_event){
                                   .name = name, .category = "entry", .begin = begin, .end = end});
    add_time(&p->now->whole, begin, end);
    note_variables(p, call);
}

dn_status dn_profile_run(dn_profile *p, dn_native_runner *runner, const dn_native_entry *code,
                         dn_native_kernel *const *kernels, const dn_native_call *call,
                         int *launch) {
    dn_native_watcher watcher = dn_profile_begin_run(p, call->entry, code);
    dn_native_runner_watch(runner, &watcher);
    dn_status status = dn_native_run(runner, code, kernels, call, launch);
    dn_native_runner_watch(runner, NULL);
    dn_profile_end_run(p, call);
    return status;
}

void dn_profile_mark(dn_profile *p, dn_profile_part part, bool begins) {
    const char *name = part_names[part];
    double end = dn_seconds(), begin = p->part_begin[part];
    p->part_begin[part] = end;
    if (begins) return;
    if (is_traced(p, p->parts[part].runs, name, "times", begin))
        dn_trace_add(p->trace, &(dn_trace_event){
                                   .name = name, .category = "host", .begin = begin, .end = end});
    add_time(&p->parts[part], begin, end);
}

// ---- at the end ----

static void print_time(dn_str *out, const char *name, const dn_native_time *time, double total) {
    dn_str_printf(out, "  %-24s  %9lld  %12.3f  %10.3f  %5.1f%%\n", name, (long long)time->runs,
                  time->runs ? 1e3 * time->seconds / (double)time->runs : 0, time->seconds,
                  total > 0 ? 100 * time->seconds / total : 0);
}

static void print_times(const dn_profile *p, double total, dn_str *out) {
    dn_native_time inits = {0}, rest = {.seconds = total, .runs = 1};
    dn_str_printf(out, "profile of %s\n  %-24s  %9s  %12s  %10s  %6s\n", p->program->name, "",
                  "runs", "ms a run", "seconds", "share");
    for (int i = 0; i < p->program->n_entries; i++) {
        const watched *w = p->entries[i];
        if (!w) continue;
        rest.seconds -= w->whole.seconds;
        if (p->is_init[i]) {
            inits.seconds += w->whole.seconds;
            inits.runs += w->whole.runs;
        } else {
            print_time(out, w->entry->name, &w->whole, total);
        }
    }
    if (inits.runs) print_time(out, "first values", &inits, total);
    for (int i = 0; i < DN_PROFILE_PARTS; i++) {
        rest.seconds -= p->parts[i].seconds;
        if (p->parts[i].runs) print_time(out, part_names[i], &p->parts[i], total);
    }
    print_time(out, "everything else", &rest, total);
}

static void print_bytes(dn_str *out, const char *name, int64_t bytes) {
    dn_str_printf(out, "  %-16s %12.3f MiB  %14lld bytes\n", name, (double)bytes / (1 << 20),
                  (long long)bytes);
}

static void print_memory(const dn_profile *p, const dn_profile_memory *memory, int n, dn_str *out) {
    int64_t kinds[] = {[DN_VARIABLE_PARAM] = 0, [DN_VARIABLE_STATE] = 0, [DN_VARIABLE_SLOT] = 0};
    for (int i = 0; i < p->program->n_variables; i++)
        kinds[p->program->variables[i].kind] += p->variable_bytes[i];
    dn_str_puts(out, "\nmemory allocated\n");
    print_bytes(out, "parameters", kinds[DN_VARIABLE_PARAM]);
    print_bytes(out, "state", kinds[DN_VARIABLE_STATE]);
    print_bytes(out, "optimizer slots", kinds[DN_VARIABLE_SLOT]);
    for (int i = 0; i < n; i++) print_bytes(out, memory[i].name, memory[i].bytes);
}

static void print_costs(const dn_profile *p, int index, const dn_machine *machine, dn_str *out) {
    const watched *w = p->entries[index];
    dn_arena arena = {0};
    dn_cost *costs = DN_NEW_ARRAY(&arena, dn_cost, w->code->n_launches);
    for (int i = 0; i < w->code->n_launches; i++) {
        const dn_native_launch *launch = &w->code->launches[i];
        char *line = line_text(p, launch);
        costs[i] = (dn_cost){.name = w->code->names + launch->name,
                             .line = dn_arena_strdup(&arena, line),
                             .flops = launch->flops,
                             .bytes = launch->bytes,
                             .contracts = launch->contracts,
                             .taken = w->launches[i]};
        free(line);
    }
    const char *head = dn_arena_printf(&arena, "cost of %s, mean of %lld run%s", w->entry->name,
                                       (long long)w->whole.runs, w->whole.runs == 1 ? "" : "s");
    dn_str_puts(out, "\n");
    dn_cost_print(head, machine, costs, w->code->n_launches, true, out);
    dn_arena_free(&arena);
}

static void print_all(const dn_profile *p, double total, const dn_machine *machine,
                      const dn_profile_memory *memory, int n, FILE *file) {
    dn_str out = {0};
    print_times(p, total, &out);
    print_memory(p, memory, n, &out);
    for (int i = 0; i < p->program->n_entries; i++)
        if (p->entries[i] && !p->is_init[i]) print_costs(p, i, machine, &out);
    fputs(out.text, file);
    free(out.text);
}

dn_status dn_profile_print(dn_profile *p, dn_pool *pool, const dn_native_runner *runner,
                           FILE *file) {
    if (!pool || !runner) return DN_SUCCESS;
    double total = dn_seconds() - p->begin;
    dn_machine machine;
    dn_profile_memory arena = {"arena", dn_native_runner_arena(runner)};
    DN_TRY(dn_machine_measure(pool, &machine));
    print_all(p, total, &machine, &arena, 1, file);
    return DN_SUCCESS;
}

void dn_profile_print_device(dn_profile *p, const dn_machine *limits,
                             const dn_profile_memory *memory, int n, FILE *file) {
    print_all(p, dn_seconds() - p->begin, limits, memory, n, file);
}
