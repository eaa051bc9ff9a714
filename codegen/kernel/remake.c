// Making a value again, later: clones of the kernels that made it.
#include <stdlib.h>
#include <string.h>

#include "codegen/kernel/access.h"
#include "codegen/kernel/draft.h"

enum { SMALL = 16 };  // a value this many times smaller than what it is for is kept

typedef struct remaking {
    const dn_draft *base;
    dn_arena *arena;
    dn_remake what;
    int64_t small;     // bytes of what is kept in any case
    dn_kernel **made;  // the clones, in order
    int n_made, cap_made;
    int *made_from;  // by new buffer: the one that it stands for
    int n_new, cap_new;
    bool deeper;
} remaking;

static const dn_use *uses_of(const dn_draft *d, int buffer, int *n) {
    *n = d->first_use[buffer + 1] - d->first_use[buffer];
    return d->uses + d->first_use[buffer];
}

static int last_use(const dn_draft *d, int buffer) {
    int n;
    const dn_use *uses = uses_of(d, buffer, &n);
    return n ? uses[n - 1].at : -1;
}

// Nothing in kernels [from, to) writes the buffer.
static bool stays(const dn_draft *d, int buffer, int from, int to) {
    int n;
    const dn_use *uses = uses_of(d, buffer, &n);
    for (int i = 0; i < n; i++)
        if (uses[i].writes && uses[i].at >= from && uses[i].at < to) return false;
    return true;
}

// A run must not fail once it has begun to write variables.
static bool may_come(const dn_draft *d, const dn_kernel *kernel, int at) {
    if (!dn_kernel_can_fail(kernel)) return true;
    for (int b = 0; b < d->kernels.n_buffers; b++)
        if (d->kernels.buffers[b].kind == DN_BUFFER_VAR && !stays(d, b, 0, at)) return false;
    return true;
}

static int remake_value(remaking *r, int buffer, int depth);

// Of the buffers that hold the value of a TEMP, complete, before kernel `at`, the one that is used
// last; -1: there is none.
static int longest_lived(const remaking *r, int buffer) {
    const dn_draft *d = r->base;
    int best = -1;
    for (int b = 0; b < d->kernels.n_buffers; b++) {
        bool same = d->origin[b] == d->origin[buffer];
        if (!same || d->written[b] < 0 || d->written[b] >= r->what.at) continue;
        if (best < 0 || last_use(d, b) > last_use(d, best)) best = b;
    }
    return best;
}

// The buffer from which a clone of kernel `writer` may read what that read from `buffer`; -1: none.
static int source(remaking *r, int buffer, int writer, int depth) {
    const dn_draft *d = r->base;
    const dn_buffer *b = &d->kernels.buffers[buffer];
    if (b->kind == DN_BUFFER_INPUT) return buffer;
    if (!stays(d, buffer, writer, r->what.at)) return -1;
    if (b->kind != DN_BUFFER_TEMP) return buffer;
    int kept = longest_lived(r, buffer);
    if (kept < 0) return -1;
    if (last_use(d, kept) >= r->what.at || dn_buffer_bytes(b) <= r->small) return kept;
    if (depth == 0) {
        r->deeper = true;
        return kept;
    }
    int made = remake_value(r, kept, depth - 1);
    return made >= 0 ? made : kept;
}

// A new buffer that stands for `buffer`.
static int new_buffer(remaking *r, int buffer) {
    DN_PUSH(r->made_from, r->n_new, r->cap_new) = buffer;
    return r->base->kernels.n_buffers + r->n_new - 1;
}

static bool clone_writer(remaking *r, int buffer, int to, int writer, int depth) {
    const dn_kernels *kernels = &r->base->kernels;
    dn_kernel *clone = dn_kernel_restrict(kernels, kernels->list[writer], buffer, false, r->arena);
    if (!clone || !may_come(r->base, clone, r->what.at)) return false;
    for (int i = 0; i < clone->n_args; i++) {
        int from = clone->args[i];
        if (i == dn_kernel_scratch(clone))
            clone->args[i] = new_buffer(r, from);
        else
            clone->args[i] = from == buffer ? to : source(r, from, writer, depth);
        if (clone->args[i] < 0) return false;
    }
    DN_PUSH(r->made, r->n_made, r->cap_made) = clone;
    return true;
}

// The new buffer, or -1. What was made for a value that cannot be made is not used.
static int remake_value(remaking *r, int buffer, int depth) {
    const dn_draft *d = r->base;
    for (int i = 0; i < r->n_new; i++)
        if (r->made_from[i] == buffer) return d->kernels.n_buffers + i;
    if (d->written[buffer] >= r->what.at) return -1;
    int n, n_made = r->n_made;
    const dn_use *uses = uses_of(d, buffer, &n);
    int n_new = r->n_new, to = new_buffer(r, buffer);
    for (int i = 0; i < n; i++) {
        if (!uses[i].writes || clone_writer(r, buffer, to, uses[i].at, depth)) continue;
        r->n_made = n_made;
        r->n_new = n_new;
        return -1;
    }
    return to;
}

// ---- the changed list -----------------------------------------------------------------------

static dn_kernel *with_buffer(const dn_kernel *kernel, int from, int to, dn_arena *arena) {
    dn_kernel *changed = DN_NEW(arena, dn_kernel);
    *changed = *kernel;
    changed->args =
        dn_arena_copy(arena, kernel->args, (size_t)kernel->n_args * sizeof *kernel->args);
    for (int i = 0; i < changed->n_args; i++)
        if (changed->args[i] == from) changed->args[i] = to;
    return changed;
}

static bool has_arg(const dn_kernel *kernel, int buffer) {
    for (int i = 0; i < kernel->n_args; i++)
        if (kernel->args[i] == buffer) return true;
    return false;
}

static void add_buffers(const remaking *r, dn_draft *to) {
    const dn_kernels *from = &r->base->kernels;
    size_t n = (size_t)(from->n_buffers + r->n_new);
    to->kernels.n_buffers = to->kernels.cap_buffers = (int)n;
    to->kernels.buffers = dn_xcalloc(n + 1, sizeof *to->kernels.buffers);
    to->origin = dn_xcalloc(n + 1, sizeof *to->origin);
    memcpy(to->kernels.buffers, from->buffers, (size_t)from->n_buffers * sizeof *from->buffers);
    memcpy(to->origin, r->base->origin, (size_t)from->n_buffers * sizeof *to->origin);
    for (int i = 0; i < r->n_new; i++) {
        to->kernels.buffers[from->n_buffers + i] = from->buffers[r->made_from[i]];
        to->origin[from->n_buffers + i] = r->base->origin[r->made_from[i]];
    }
}

static void add_kernels(const remaking *r, int made, dn_draft *to) {
    const dn_kernels *from = &r->base->kernels;
    size_t n = (size_t)(from->n + r->n_made);
    int at = r->what.at, k = 0;
    to->kernels.n = to->kernels.cap = (int)n;
    to->kernels.list = dn_xcalloc(n + 1, sizeof *to->kernels.list);
    to->group = dn_xcalloc(n + 1, sizeof *to->group);
    for (int i = 0; i < from->n; i++) {
        for (int m = 0; m < r->n_made && i == at; m++, k++) {
            to->kernels.list[k] = r->made[m];
            to->group[k] = r->base->group[at];
        }
        bool changes = i >= at && has_arg(from->list[i], r->what.buffer);
        to->kernels.list[k] =
            changes ? with_buffer(from->list[i], r->what.buffer, made, r->arena) : from->list[i];
        to->group[k++] = r->base->group[i];
    }
}

// ---- what is not needed any more ------------------------------------------------------------

// By buffer: read by a kernel that does not write it, or what a kernel needs for itself.
static bool *find_read(const dn_kernels *kernels) {
    bool *read = dn_xcalloc((size_t)kernels->n_buffers + 1, sizeof *read);
    for (int k = 0; k < kernels->n; k++)
        for (int i = 0; i < kernels->list[k]->n_args; i++) {
            int buffer = kernels->list[k]->args[i];
            dn_use use = dn_kernel_use(kernels->list[k], k, buffer);
            read[buffer] |= (use.reads && !use.writes) || i == dn_kernel_scratch(kernels->list[k]);
        }
    return read;
}

static void remove_kernel(dn_draft *d, int k) {
    size_t behind = (size_t)(--d->kernels.n - k);
    memmove(&d->kernels.list[k], &d->kernels.list[k + 1], behind * sizeof *d->kernels.list);
    memmove(&d->group[k], &d->group[k + 1], behind * sizeof *d->group);
}

static bool writes_other(const dn_kernel *kernel, int buffer) {
    for (int i = 0; i < kernel->n_args; i++)
        if (kernel->args[i] != buffer && dn_kernel_writes(kernel, i)) return true;
    return false;
}

// Takes a buffer that is not read out of the kernels that write it, where that can be done.
static bool drop_writes(dn_draft *d, int buffer, dn_arena *arena) {
    bool any = false;
    for (int k = d->kernels.n - 1; k >= 0; k--) {
        const dn_kernel *kernel = d->kernels.list[k];
        if (!has_arg(kernel, buffer)) continue;
        if (writes_other(kernel, buffer)) {
            dn_kernel *rest = dn_kernel_restrict(&d->kernels, kernel, buffer, true, arena);
            if (!rest) continue;
            d->kernels.list[k] = rest;
        } else {
            remove_kernel(d, k);
        }
        any = true;
    }
    return any;
}

// What a dropped value was computed from may then not be read, too.
static void drop_unread(dn_draft *d, dn_arena *arena) {
    for (bool again = true; again;) {
        bool *read = find_read(&d->kernels);
        again = false;
        for (int b = 0; b < d->kernels.n_buffers; b++)
            if (d->kernels.buffers[b].kind == DN_BUFFER_TEMP && !read[b])
                again |= drop_writes(d, b, arena);
        free(read);
    }
}

static bool is_read_before(const dn_draft *d, int buffer, int at) {
    int n;
    const dn_use *uses = uses_of(d, buffer, &n);
    for (int i = 0; i < n; i++)
        if (uses[i].at < at && !uses[i].writes) return true;
    return false;
}

dn_draft *dn_draft_remake(const dn_draft *base, dn_remake what, dn_arena *arena, bool *deeper) {
    remaking r = {.base = base,
                  .arena = arena,
                  .what = what,
                  .small = dn_buffer_bytes(&base->kernels.buffers[what.buffer]) / SMALL};
    dn_draft *to = NULL;
    int made = remake_value(&r, what.buffer, what.depth);
    *deeper = r.deeper;
    if (made >= 0) {
        to = dn_xcalloc(1, sizeof *to);
        to->kernels.graph = base->kernels.graph;
        add_buffers(&r, to);
        add_kernels(&r, made, to);
        if (!is_read_before(base, what.buffer, what.at)) drop_unread(to, arena);
    }
    free(r.made);
    free(r.made_from);
    return to;
}
