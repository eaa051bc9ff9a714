// The order of a function's instructions.
//
// Of the diverged parts of a warp the one at the smallest index runs first. So that they meet again
// as early as they can, every block stands behind all blocks that lead to it (but for the edges
// that close loops), and a loop's blocks stand together, before what follows the loop. Where
// several edges close a loop, they go by way of one block at its end, in which the parts meet.
#include <stdlib.h>
#include <string.h>

#include "tests/cudasim/decode.h"

typedef struct block {
    int first, end;  // statements
    int *next;       // blocks; the one that follows by itself is last
    int n_next;
    int state;      // of the search: 0 new, 1 open, 2 done
    int waits_for;  // blocks before it that are not placed
    int latch;      // the block that closes its loop, or itself
    int loop;       // that it is the head of; -1: none
    int pc;         // -1: not placed
} block;

typedef struct flow {
    sim_decoder *d;
    block *blocks;
    int n_blocks;
    int *block_of;  // of each statement
    // edges that close loops
    int *from, *to;
    int n_closing;
    // loops: the blocks in each
    uint64_t **members;
    int *remaining;
    int n_loops;
    int *open;
    int n_open;
    int *placed;
    int n_placed;
} flow;

static bool is(const sim_decoder *d, int s, const char *name) {
    return s < d->function->n_statements && strcmp(d->function->statements[s].parts[0], name) == 0;
}

int sim_successors(const sim_decoder *d, int s, int *next, int room) {
    int n = 0;
    if (s >= d->function->n_statements) return 0;
    bool guarded = d->function->statements[s].guard != NULL;
    bool leaves = is(d, s, "ret") || is(d, s, "exit") || is(d, s, "trap");
    if (is(d, s, "bra")) next[n++] = d->code[s].target;
    if (is(d, s, "brx"))
        for (int k = 0; k < d->code[s].n_list && n + 1 < room; k++) next[n++] = d->code[s].list[k];
    bool jumps = n > 0;
    if (guarded || !(jumps || leaves)) next[n++] = s + 1;
    return n;
}

enum { MOST_NEXT = 257 };

static void find_blocks(flow *f) {
    int n = f->d->function->n_statements + 1, next[MOST_NEXT];  // a return is behind the last
    bool *leads = calloc((size_t)n + 1, 1);
    leads[0] = true;
    for (int s = 0; s < n; s++) {
        int count = sim_successors(f->d, s, next, MOST_NEXT);
        // Also a jump to the next statement ends a block: it is executed as a jump.
        if (count == 1 && next[0] == s + 1 && !is(f->d, s, "bra")) continue;
        leads[s + 1] = true;
        for (int k = 0; k < count; k++) leads[next[k]] = true;
    }
    int count = 0;
    for (int s = 0; s < n; s++) count += leads[s];
    f->blocks = calloc(2 * (size_t)count + 1, sizeof *f->blocks);  // and latches
    f->block_of = calloc((size_t)n + 1, sizeof *f->block_of);
    for (int s = 0; s < n; s++) {
        if (leads[s]) f->blocks[f->n_blocks++].first = s;
        f->block_of[s] = f->n_blocks - 1;
        f->blocks[f->n_blocks - 1].end = s + 1;
    }
    free(leads);
    for (int b = 0; b < f->n_blocks; b++) {
        block *one = &f->blocks[b];
        int found = sim_successors(f->d, one->end - 1, next, MOST_NEXT);
        one->next = calloc((size_t)found + 1, sizeof *one->next);
        one->n_next = found;
        one->latch = b;
        one->loop = one->pc = -1;
        for (int k = 0; k < found; k++) one->next[k] = f->block_of[next[k]];
    }
}

// Depth first; an edge to a block that is still open closes a loop.
static void search(flow *f) {
    int *stack = calloc((size_t)f->n_blocks + 1, sizeof *stack);
    int *at = calloc((size_t)f->n_blocks + 1, sizeof *at), depth = 0, edges = 0;
    for (int b = 0; b < f->n_blocks; b++) edges += f->blocks[b].n_next;
    f->from = calloc((size_t)edges + 1, sizeof *f->from);
    f->to = calloc((size_t)edges + 1, sizeof *f->to);
    stack[depth++] = 0;
    f->blocks[0].state = 1;
    while (depth > 0) {
        int b = stack[depth - 1];
        if (at[b] == f->blocks[b].n_next) {
            f->blocks[b].state = 2;
            depth--;
            continue;
        }
        int to = f->blocks[b].next[at[b]++];
        if (f->blocks[to].state == 0) {
            f->blocks[to].state = 1;
            stack[depth++] = to;
        } else if (f->blocks[to].state == 1) {
            f->from[f->n_closing] = b;
            f->to[f->n_closing++] = to;
        }
    }
    free(stack);
    free(at);
}

static bool closes(const flow *f, int from, int to) {
    for (int k = 0; k < f->n_closing; k++)
        if (f->from[k] == from && f->to[k] == to) return true;
    return false;
}

static void add_latches(flow *f) {
    int n = f->n_blocks;
    for (int head = 0; head < n; head++) {
        int edges = 0;
        for (int k = 0; k < f->n_closing; k++) edges += f->to[k] == head;
        if (edges < 2) continue;
        int latch = f->n_blocks++;
        block *added = &f->blocks[latch];
        *added = (block){.first = -1, .end = -1, .n_next = 1, .latch = latch, .loop = -1, .pc = -1};
        added->state = 2;
        added->next = calloc(1, sizeof *added->next);
        added->next[0] = head;
        f->blocks[head].latch = latch;
        int kept = 0;
        for (int k = 0; k < f->n_closing; k++) {
            if (f->to[k] != head) {
                f->from[kept] = f->from[k];
                f->to[kept++] = f->to[k];
                continue;
            }
            block *from = &f->blocks[f->from[k]];
            for (int e = 0; e < from->n_next; e++)
                if (from->next[e] == head) from->next[e] = latch;
        }
        f->from[kept] = latch;
        f->to[kept] = head;
        f->n_closing = kept + 1;
    }
}

static bool in_set(const uint64_t *set, int b) { return set[b / 64] >> (b % 64) & 1; }
static void add_to_set(uint64_t *set, int b) { set[b / 64] |= 1ull << (b % 64); }

// The blocks from which the edge that closes the loop is reached without passing its head.
static void find_members(flow *f, int closing, int (*edges)[2], int n_edges) {
    int head = f->to[closing], loop = f->n_loops++;
    uint64_t *set = calloc((size_t)f->n_blocks / 64 + 1, sizeof *set);
    f->members[loop] = set;
    f->blocks[head].loop = loop;
    add_to_set(set, head);
    add_to_set(set, f->from[closing]);
    for (bool changed = true; changed;) {
        changed = false;
        for (int e = n_edges - 1; e >= 0; e--) {
            if (!in_set(set, edges[e][1]) || edges[e][1] == head || in_set(set, edges[e][0]))
                continue;
            add_to_set(set, edges[e][0]);
            changed = true;
        }
    }
    for (int b = 0; b < f->n_blocks; b++) f->remaining[loop] += in_set(set, b);
}

static void find_loops(flow *f) {
    int n_edges = 0, cap = 0;
    for (int b = 0; b < f->n_blocks; b++) cap += f->blocks[b].n_next;
    int(*edges)[2] = calloc((size_t)cap + 1, sizeof *edges);
    for (int b = 0; b < f->n_blocks; b++) {
        if (f->blocks[b].state == 0) continue;
        for (int k = 0; k < f->blocks[b].n_next; k++) {
            edges[n_edges][0] = b;
            edges[n_edges++][1] = f->blocks[b].next[k];
        }
    }
    f->members = calloc((size_t)f->n_closing + 1, sizeof *f->members);
    f->remaining = calloc((size_t)f->n_closing + 1, sizeof *f->remaining);
    f->open = calloc((size_t)f->n_closing + 1, sizeof *f->open);
    for (int k = 0; k < f->n_closing; k++) find_members(f, k, edges, n_edges);
    for (int e = 0; e < n_edges; e++)
        if (!closes(f, edges[e][0], edges[e][1])) f->blocks[edges[e][1]].waits_for++;
    free(edges);
}

// The first of the blocks that may come next, within the innermost loop that has begun.
static int choose(const flow *f, const int *ready, int n_ready) {
    int best = -1;
    bool best_inside = false;
    const uint64_t *loop = f->n_open ? f->members[f->open[f->n_open - 1]] : NULL;
    for (int k = 0; k < n_ready; k++) {
        bool inside = loop && in_set(loop, ready[k]);
        if (best >= 0 && best_inside && !inside) continue;
        if (best >= 0 && best_inside == inside &&
            (unsigned)f->blocks[ready[k]].first > (unsigned)f->blocks[ready[best]].first)
            continue;
        best = k;
        best_inside = inside;
    }
    return best;
}

static void place(flow *f, int b) {
    f->placed[f->n_placed++] = b;
    for (int k = 0; k < f->n_loops; k++) f->remaining[k] -= in_set(f->members[k], b);
    if (f->blocks[b].loop >= 0) f->open[f->n_open++] = f->blocks[b].loop;
    while (f->n_open && f->remaining[f->open[f->n_open - 1]] <= 0) f->n_open--;
}

static void order(flow *f) {
    int *ready = calloc((size_t)f->n_blocks + 1, sizeof *ready), n_ready = 0;
    f->placed = calloc((size_t)f->n_blocks + 1, sizeof *f->placed);
    ready[n_ready++] = 0;
    while (n_ready > 0) {
        int k = choose(f, ready, n_ready), b = ready[k];
        ready[k] = ready[--n_ready];
        place(f, b);
        for (int e = 0; e < f->blocks[b].n_next; e++) {
            int to = f->blocks[b].next[e];
            if (!closes(f, b, to) && --f->blocks[to].waits_for == 0) ready[n_ready++] = to;
        }
    }
    free(ready);
}

// ---- emission ----

static sim_instr jump(int line, int to) {
    return (sim_instr){.run = sim_run_branch, .guard = SIM_NONE, .target = to, .line = line};
}

static int emit_block(flow *f, sim_instr *code, int n, int following) {
    sim_decoder *d = f->d;
    block *b = &f->blocks[f->placed[following - 1]];
    int last = d->function->n_statements, line = d->function->line;
    b->pc = n;
    for (int s = b->first; s >= 0 && s < b->end; s++) {
        if (s == last) {
            code[n++] = (sim_instr){.run = sim_run_return, .guard = SIM_NONE, .line = line};
            return n;
        }
        code[n++] = d->code[s];
        line = d->code[s].line;
    }
    int next[MOST_NEXT], found = 0;
    if (b->first >= 0) found = sim_successors(d, b->end - 1, next, MOST_NEXT);
    bool falls = b->first < 0 || (found > 0 && next[found - 1] == b->end);
    // a conditional branch to what follows falls, too
    if (!falls || b->n_next == 0) return n;
    int to = b->next[b->n_next - 1];
    if (following == f->n_placed || f->placed[following] != to) code[n++] = jump(line, to);
    return n;
}

// Targets are statements in what was decoded, blocks in jumps that were added: now they are
// indices.
static void resolve(flow *f, sim_instr *code, int base) {
    for (int k = 0; k < f->n_placed; k++) {
        block *b = &f->blocks[f->placed[k]];
        int end = k + 1 < f->n_placed ? f->blocks[f->placed[k + 1]].pc : f->d->program->n_code;
        int own = b->first < 0 ? 0 : b->end - b->first;
        for (int pc = b->pc; pc < end; pc++) {
            sim_instr *i = &code[pc];
            bool added = pc - b->pc >= own;
            if (i->run == sim_run_branch) i->target = f->blocks[added ? i->target : b->next[0]].pc;
            if (i->run != sim_run_branch_table) continue;
            sim_slot *table = (sim_slot *)i->list;
            for (int e = 0; e < i->n_list; e++) table[e] = f->blocks[b->next[e]].pc;
        }
    }
    for (int pc = f->d->program->n_code - 1; pc >= base; pc--) {
        sim_instr *i = &code[pc];
        if (i->guard != SIM_NONE) continue;
        i->leaves = i->run == sim_run_return || i->run == sim_run_exit ||
                    (i->run == sim_run_branch && i->target > pc && code[i->target].leaves);
    }
}

static void release(flow *f) {
    for (int b = 0; b < f->n_blocks; b++) free(f->blocks[b].next);
    for (int k = 0; k < f->n_loops; k++) free(f->members[k]);
    free(f->blocks);
    free(f->block_of);
    free(f->from);
    free(f->to);
    free(f->members);
    free(f->remaining);
    free(f->open);
    free(f->placed);
}

void sim_order_code(sim_decoder *d) {
    flow f = {.d = d};
    sim_program *program = d->program;
    find_blocks(&f);
    search(&f);
    add_latches(&f);
    find_loops(&f);
    order(&f);
    int base = program->n_code, most = base + d->function->n_statements + f.n_blocks + 1;
    sim_instr *code = ptx_pool_take(d->pool, (size_t)most * sizeof *code);
    if (base) memcpy(code, program->code, (size_t)base * sizeof *code);
    for (int k = 1; k <= f.n_placed; k++)
        program->n_code = emit_block(&f, code, program->n_code, k);
    program->code = code;
    resolve(&f, code, base);
    release(&f);
}
