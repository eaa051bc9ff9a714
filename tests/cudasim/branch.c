// Branches, calls and ends.
#include <string.h>

#include "tests/cudasim/alu.h"
#include "tests/cudasim/decode.h"

// ---- running ----

static void go(sim_warp *warp, uint32_t mask, int target) {
    sim_warp_split(warp, mask, warp->pc);
    warp->pc = target;
}

void sim_run_branch(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    go(warp, mask, i->target);
}

void sim_run_branch_table(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    const uint32_t *index = sim_source(warp, i->a);
    uint32_t chosen = index[__builtin_ctz(mask)], same = 0;
    for (int l = 0; l < SIM_LANES; l++)
        if ((mask >> l & 1) && index[l] == chosen) same |= 1u << l;
    if (chosen >= i->n_list) {
        sim_report(warp, i, __builtin_ctz(mask), SIM_BAD_INSTRUCTION, "branches to entry %u of %d",
                   chosen, i->n_list);
        sim_stop(warp, SIM_ERROR_INSTRUCTION);
        return;
    }
    // The others do this again, each group with its own target.
    sim_warp_split(warp, same | (warp->active & ~mask), warp->pc - 1);
    go(warp, same, i->list[chosen]);
}

static void copy_frame(sim_warp *warp, uint32_t mask, const sim_copy *copy) {
    sim_cta *cta = warp->cta;
    size_t size = (size_t)cta->program->local_bytes;
    for (int l = 0; l < SIM_LANES; l++) {
        if (!(mask >> l & 1)) continue;
        size_t base = ((size_t)warp->number * SIM_LANES + (size_t)l) * size;
        memcpy(cta->local + base + copy->to, cta->local + base + copy->from, (size_t)copy->bytes);
        memcpy(cta->local_written + base + copy->to, cta->local_written + base + copy->from,
               (size_t)copy->bytes);
    }
}

static void enter(sim_warp *warp, const sim_instr *i, uint32_t mask, int target) {
    const sim_call *call = i->extra;
    for (int k = 0; k < call->n_in; k++) copy_frame(warp, mask, &call->copies[k]);
    sim_warp_split(warp, mask, warp->pc);
    sim_fragment *f = &warp->fragments[warp->current];
    if (f->depth == SIM_DEPTH) {
        sim_report(warp, i, __builtin_ctz(mask), SIM_BAD_INSTRUCTION, "calls too deep");
        sim_stop(warp, SIM_ERROR_INSTRUCTION);
        return;
    }
    f->returns[f->depth++] = warp->pc;
    warp->pc = target;
}

static void run_call(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    enter(warp, i, mask, i->target);
}

void sim_run_return(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    (void)i;
    sim_fragment *f = &warp->fragments[warp->current];
    if (f->depth == 0) {
        sim_warp_exit(warp, mask);
        return;
    }
    sim_warp_split(warp, mask, warp->pc);
    f = &warp->fragments[warp->current];
    warp->pc = f->returns[--f->depth];
    const sim_instr *caller = &warp->cta->program->code[warp->pc - 1];
    const sim_call *call = caller->extra;
    for (int k = call->n_in; k < call->n_copies; k++) copy_frame(warp, mask, &call->copies[k]);
    // Whoever waits there is at another depth now.
    f->mask = warp->active;
    f->pc = warp->pc;
    for (int k = 0; k < warp->n_fragments; k++)
        if (k != warp->current && warp->fragments[k].state == SIM_READY &&
            warp->fragments[k].pc < warp->limit)
            warp->limit = warp->fragments[k].pc;
}

void sim_run_exit(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    (void)i;
    sim_warp_exit(warp, mask);
}

static void run_trap(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    sim_report(warp, i, __builtin_ctz(mask), SIM_BAD_INSTRUCTION, "the kernel gives up (trap)");
    sim_stop(warp, SIM_ERROR_LAUNCH_FAILED);
}

// ---- decoding ----

static int statement_of(sim_decoder *d, const ptx_operand *operand) {
    if (operand->kind != PTX_LABEL) sim_decode_fail(d, "expected a label");
    const ptx_label *label = operand->label;
    while (label->same) label = label->same;
    return label->statement;
}

static void decode_table(sim_decoder *d) {
    const ptx_operand *operand = sim_operand(d, 1);
    if (operand->kind != PTX_LABEL) sim_decode_fail(d, "expected a list of labels");
    const ptx_label *list = operand->label;
    while (list->same) list = list->same;
    if (list->n_targets == 0 || list->n_targets > 255)
        sim_decode_fail(d, "%s is no list of at most 255 labels", list->name);
    d->i->run = sim_run_branch_table;
    sim_use(d, &d->i->a, sim_operand(d, 0), PTX_U32);
    sim_slot *targets = sim_slots(d, list->n_targets);
    for (int k = 0; k < list->n_targets; k++) {
        ptx_operand target = {.kind = PTX_LABEL, .label = list->targets[k]};
        targets[k] = statement_of(d, &target);
    }
}

static int find_function(sim_decoder *d, const ptx_function *function) {
    for (int k = 0; k < d->n_order; k++)
        if (d->order[k] == function) return k;
    sim_decode_fail(d, "%s is not defined", function->name);
}

// Arguments go from the caller's variables to the callee's, results back.
static int add_copies(sim_decoder *d, sim_copy *copies, const ptx_operand *list,
                      const ptx_variable *formal, bool back) {
    int n = 0, count = list->kind == PTX_LIST ? list->n_items : 0;
    for (; n < count && formal; n++, formal = formal->next) {
        const ptx_operand *actual = &list->items[n];
        if (actual->kind != PTX_VARIABLE) sim_decode_fail(d, "arguments have to be .param");
        int64_t bytes = formal->bytes;
        if (actual->variable->bytes < bytes) sim_decode_fail(d, "an argument is too small");
        int to = (int)(back ? actual->variable->address : formal->address);
        int from = (int)(back ? formal->address : actual->variable->address);
        copies[n] = (sim_copy){from, to, (int)bytes};
    }
    if (n < count || formal) sim_decode_fail(d, "the call has another number of arguments");
    return n;
}

static void decode_call(sim_decoder *d) {
    static const ptx_operand nothing = {.kind = PTX_LIST};
    sim_take(d, "uni");
    int k = 0;
    const ptx_operand *results = &nothing, *params = &nothing;
    if (sim_operand(d, 0)->kind == PTX_LIST) results = sim_operand(d, k++);
    const ptx_operand *target = sim_operand(d, k++);
    if (k < d->statement->n_operands && sim_operand(d, k)->kind == PTX_LIST)
        params = sim_operand(d, k);
    if (target->kind != PTX_FUNCTION)
        sim_decode_fail(d, "calls through registers are not simulated");
    const ptx_function *function = target->function;
    if (!function->defined)
        sim_decode_fail(d, "%s has no body here, and system calls are not simulated",
                        function->name);
    d->i->run = run_call;
    d->i->target = d->starts[find_function(d, function)];
    sim_call *call = ptx_pool_take(d->pool, sizeof *call);
    int most = results->n_items + params->n_items;
    call->copies = ptx_pool_take(d->pool, ((size_t)most + 1) * sizeof *call->copies);
    call->n_in = add_copies(d, call->copies, params, function->params, false);
    call->n_copies =
        call->n_in + add_copies(d, call->copies + call->n_in, results, function->results, true);
    d->i->extra = call;
}

void sim_decode_flow(sim_decoder *d) {
    const char *name = d->statement->parts[0];
    if (strcmp(name, "bra") == 0) {
        sim_take(d, "uni");
        d->i->run = sim_run_branch;
        d->i->target = statement_of(d, sim_operand(d, 0));
    } else if (strcmp(name, "brx") == 0) {
        sim_take(d, "idx");
        sim_take(d, "uni");
        decode_table(d);
    } else if (strcmp(name, "call") == 0) {
        decode_call(d);
    } else if (strcmp(name, "ret") == 0) {
        sim_take(d, "uni");
        d->i->run = sim_run_return;
    } else {
        d->i->run = strcmp(name, "exit") == 0 ? sim_run_exit : run_trap;
    }
}
