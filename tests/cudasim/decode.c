// The table of instructions, modifiers and operands.
#include "tests/cudasim/decode.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void sim_decode_fail(sim_decoder *d, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int line = d->statement ? d->statement->line : d->function->line;
    int n = snprintf(d->log, d->log_bytes, "line %d: ", line);
    if (n >= 0 && (size_t)n < d->log_bytes)
        n += vsnprintf(d->log + n, d->log_bytes - (size_t)n, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < d->log_bytes)
        snprintf(d->log + n, d->log_bytes - (size_t)n, ": %s", d->module->lines[line]);
    longjmp(d->failed, 1);
}

// ---- modifiers ----

bool sim_take(sim_decoder *d, const char *modifier) {
    for (int k = 1; k < d->statement->n_parts; k++) {
        if (d->taken[k] || strcmp(d->statement->parts[k], modifier) != 0) continue;
        d->taken[k] = true;
        return true;
    }
    return false;
}

int sim_take_one(sim_decoder *d, const char *const *modifiers) {
    for (int k = 0; modifiers[k]; k++)
        if (sim_take(d, modifiers[k])) return k;
    return -1;
}

ptx_type sim_take_optional_type(sim_decoder *d) {
    for (int k = 1; k < d->statement->n_parts; k++) {
        ptx_type type = d->taken[k] ? PTX_NONE : ptx_type_named(d->statement->parts[k]);
        if (type == PTX_NONE) continue;
        d->taken[k] = true;
        return type;
    }
    return PTX_NONE;
}

ptx_type sim_take_type(sim_decoder *d) {
    ptx_type type = sim_take_optional_type(d);
    if (type == PTX_NONE) sim_decode_fail(d, "a type is missing");
    return type;
}

ptx_space sim_take_space(sim_decoder *d) {
    static const char *const names[] = {"global",          "const", "shared", "shared::cta",
                                        "shared::cluster", "local", "param",  "param::entry",
                                        "param::func",     NULL};
    static const ptx_space spaces[] = {PTX_GLOBAL, PTX_CONST, PTX_SHARED, PTX_SHARED, PTX_SHARED,
                                       PTX_LOCAL,  PTX_PARAM, PTX_PARAM,  PTX_PARAM};
    int k = sim_take_one(d, names);
    return k < 0 ? PTX_GENERIC : spaces[k];
}

// ---- operands ----

const ptx_operand *sim_operand(sim_decoder *d, int k) {
    if (k >= d->statement->n_operands) sim_decode_fail(d, "an operand is missing");
    return &d->statement->operands[k];
}

int sim_lane_bytes(ptx_type type) {
    int bytes = ptx_type_bytes(type);
    return bytes == 0 || bytes >= 4 ? bytes : 4;
}

static void refer(sim_decoder *d, sim_slot *slot, const ptx_register *reg, bool written) {
    if (d->n_references == d->cap_references) {
        d->cap_references = d->cap_references ? 2 * d->cap_references : 256;
        d->references = realloc(d->references, (size_t)d->cap_references * sizeof *d->references);
        if (!d->references) abort();
    }
    bool guarded = d->statement->guard != NULL;
    d->references[d->n_references++] = (sim_reference){
        slot, reg->number, (int)(d->statement - d->function->statements), written, guarded};
    d->register_bytes[reg->number] = ptx_type_bytes(reg->type);
}

sim_slot sim_constant(sim_decoder *d, int lane_bytes, uint64_t low, uint64_t high) {
    enum { WIDEST = 16 };
    char lanes[SIM_LANES * WIDEST];
    uint64_t value[2] = {low, high};
    int bytes = lane_bytes ? lane_bytes * SIM_LANES : 4;
    if (lane_bytes == 0) value[0] = low ? UINT32_MAX : 0;
    for (int at = 0; at < bytes; at += lane_bytes ? lane_bytes : 4)
        memcpy(lanes + at, value, lane_bytes ? (size_t)lane_bytes : 4);
    for (int at = 0; at + bytes <= d->constant_bytes; at += 128)
        if (memcmp(d->constants + at, lanes, (size_t)bytes) == 0) return ~at;
    if (d->constant_bytes + (int)sizeof lanes > d->cap_constants) {
        d->cap_constants = 2 * d->cap_constants + (int)sizeof lanes;
        d->constants = realloc(d->constants, (size_t)d->cap_constants);
        if (!d->constants) abort();
    }
    int at = d->constant_bytes;
    memset(d->constants + at, 0, sizeof lanes);
    memcpy(d->constants + at, lanes, (size_t)bytes);
    d->constant_bytes += (bytes + 127) / 128 * 128;
    return ~at;
}

static bool is_float(ptx_type type) { return type == PTX_F32 || type == PTX_F64; }

static uint64_t number(sim_decoder *d, const ptx_operand *operand, ptx_type type) {
    uint64_t bits = operand->bits;
    int bytes = ptx_type_bytes(type);
    if (operand->kind == PTX_FLOAT64 && bytes == 4) {
        double value;
        memcpy(&value, &bits, sizeof value);
        float narrow = (float)value;
        bits = 0;
        memcpy(&bits, &narrow, sizeof narrow);
    } else if (operand->kind == PTX_FLOAT32 && bytes == 8) {
        sim_decode_fail(d, "a number of 32 bits where 64 are needed");
    } else if (operand->kind == PTX_INTEGER && is_float(type)) {
        sim_decode_fail(d, "an integer where a float is needed");
    }
    return bytes == 0 || bytes >= 8 ? bits : bits & ((1ull << 8 * bytes) - 1);
}

static sim_slot special(sim_decoder *d, const char *name, ptx_type type) {
    sim_program *program = d->program;
    bool wide = ptx_type_bytes(type) == 8;
    for (int k = 0; k < program->n_specials; k++)
        if (strcmp(program->specials[k].name, name) == 0 && program->specials[k].wide == wide)
            return program->specials[k].slot;
    sim_special *grown = ptx_pool_take(d->pool, ((size_t)program->n_specials + 1) * sizeof *grown);
    if (program->n_specials)
        memcpy(grown, program->specials, (size_t)program->n_specials * sizeof *grown);
    program->specials = grown;
    sim_special *added = &grown[program->n_specials++];
    *added = (sim_special){name, program->register_bytes, wide};
    if (!sim_special_known(name)) sim_decode_fail(d, "there is no register %s", name);
    program->register_bytes += SIM_LANES * (wide ? 8 : 4);
    return added->slot;
}

sim_slot sim_use(sim_decoder *d, sim_slot *slot, const ptx_operand *operand, ptx_type type) {
    *slot = SIM_NONE;
    switch (operand->kind) {
        case PTX_REGISTER:
            if (ptx_type_bytes(operand->reg->type) != ptx_type_bytes(type))
                sim_decode_fail(d, "%s has another size than .%s", operand->name,
                                ptx_type_name(type));
            refer(d, slot, operand->reg, false);
            break;
        case PTX_SPECIAL: *slot = special(d, operand->name, type); break;
        case PTX_INTEGER:
        case PTX_FLOAT32:
        case PTX_FLOAT64:
            *slot = sim_constant(d, sim_lane_bytes(type), number(d, operand, type), 0);
            break;
        default: sim_decode_fail(d, "an operand has to be a register or a number");
    }
    return *slot;
}

int sim_use_any(sim_decoder *d, sim_slot *slot, const ptx_operand *operand, ptx_type type) {
    if (operand->kind != PTX_REGISTER) {
        sim_use(d, slot, operand, type);
        return ptx_type_bytes(type);
    }
    int bytes = ptx_type_bytes(operand->reg->type);
    if (bytes < ptx_type_bytes(type))
        sim_decode_fail(d, "%s is too small for .%s", operand->name, ptx_type_name(type));
    refer(d, slot, operand->reg, false);
    return bytes;
}

void sim_define(sim_decoder *d, sim_slot *slot, const ptx_operand *operand, ptx_type type) {
    *slot = d->sink;
    if (operand->kind == PTX_SINK) return;
    if (operand->kind != PTX_REGISTER) sim_decode_fail(d, "the result has to be a register");
    if (ptx_type_bytes(operand->reg->type) != ptx_type_bytes(type))
        sim_decode_fail(d, "%s has another size than .%s", operand->name, ptx_type_name(type));
    refer(d, slot, operand->reg, true);
}

int sim_define_any(sim_decoder *d, sim_slot *slot, const ptx_operand *operand) {
    *slot = d->sink;
    if (operand->kind == PTX_SINK) return 16;
    if (operand->kind != PTX_REGISTER) sim_decode_fail(d, "the result has to be a register");
    refer(d, slot, operand->reg, true);
    return ptx_type_bytes(operand->reg->type);
}

int sim_elements(const ptx_operand *operand, const ptx_operand **first) {
    *first = operand->kind == PTX_VECTOR ? operand->items : operand;
    return operand->kind == PTX_VECTOR ? operand->n_items : 1;
}

sim_slot *sim_slots(sim_decoder *d, int count) {
    sim_slot *slots = ptx_pool_take(d->pool, (size_t)count * sizeof *slots);
    d->i->list = slots;
    d->i->n_list = (uint8_t)count;
    return slots;
}

int64_t sim_variable_address(sim_decoder *d, const ptx_operand *operand) {
    const ptx_variable *variable = operand->variable;
    if (variable->space == PTX_GLOBAL && variable->external && !variable->address)
        sim_decode_fail(d, "%s is not defined here", variable->name);
    return variable->address + operand->offset;
}

void sim_address(sim_decoder *d, const ptx_operand *operand) {
    sim_instr *i = d->i;
    if (operand->kind != PTX_ADDRESS) sim_decode_fail(d, "expected [address]");
    i->offset = operand->offset;
    if (operand->n_items == 0) return;
    const ptx_operand *base = &operand->items[0];
    if (base->kind == PTX_VARIABLE) {
        i->offset += sim_variable_address(d, base);
        if (i->space == PTX_PARAM || i->space == PTX_GENERIC)
            i->space = (uint8_t)base->variable->space;
        if (i->space == PTX_CONST) i->space = PTX_GLOBAL;
        return;
    }
    if (base->kind != PTX_REGISTER) sim_decode_fail(d, "expected an address");
    i->indirect = true;
    i->wide = base->reg->type != PTX_NONE && ptx_type_bytes(base->reg->type) == 8;
    sim_use(d, &i->a, base, i->wide ? PTX_B64 : PTX_B32);
    if (i->space == PTX_PARAM && !d->function->kernel) i->space = PTX_FRAME;
}

// ---- instructions ----

static const struct {
    const char *name;
    sim_decode_fn decode;
} table[] = {
    {"mov", sim_decode_move},
    {"cvt", sim_decode_convert},
    {"setp", sim_decode_compare},
    {"set", sim_decode_compare},
    {"testp", sim_decode_testp},
    {"selp", sim_decode_select},
    {"slct", sim_decode_select},
    {"ld", sim_decode_load},
    {"ldu", sim_decode_load},
    {"st", sim_decode_store},
    {"atom", sim_decode_atomic},
    {"red", sim_decode_atomic},
    {"cvta", sim_decode_address},
    {"isspacep", sim_decode_address},
    {"mapa", sim_decode_address},
    {"getctarank", sim_decode_address},
    {"prefetch", sim_decode_nothing},
    {"prefetchu", sim_decode_nothing},
    {"applypriority", sim_decode_nothing},
    {"discard", sim_decode_nothing},
    {"nanosleep", sim_decode_nothing},
    {"setmaxnreg", sim_decode_nothing},
    {"griddepcontrol", sim_decode_nothing},
    {"pmevent", sim_decode_nothing},
    {"bar", sim_decode_barrier},
    {"barrier", sim_decode_barrier},
    {"membar", sim_decode_fence},
    {"fence", sim_decode_fence},
    {"shfl", sim_decode_warp},
    {"vote", sim_decode_warp},
    {"match", sim_decode_warp},
    {"redux", sim_decode_warp},
    {"activemask", sim_decode_warp},
    {"elect", sim_decode_warp},
    {"bra", sim_decode_flow},
    {"brx", sim_decode_flow},
    {"call", sim_decode_flow},
    {"ret", sim_decode_flow},
    {"exit", sim_decode_flow},
    {"trap", sim_decode_flow},
    {"brkpt", sim_decode_flow},
    {"mbarrier", sim_decode_mbarrier},
    {"cp", sim_decode_copy},
    {"ldmatrix", sim_decode_matrix},
    {"stmatrix", sim_decode_matrix},
    {"mma", sim_decode_matrix},
    {"wgmma", sim_decode_wgmma},
};

static void decode_statement(sim_decoder *d) {
    const char *name = d->statement->parts[0];
    for (int k = 0; k < (int)(sizeof table / sizeof *table); k++) {
        if (strcmp(table[k].name, name) != 0) continue;
        table[k].decode(d);
        return;
    }
    if (sim_decode_alu(d)) return;
    if (!sim_take(d, "pred")) sim_decode_fail(d, "this instruction is not known");
    sim_decode_logic(d);
}

static void check_modifiers(sim_decoder *d) {
    for (int k = 1; k < d->statement->n_parts; k++)
        if (!d->taken[k]) sim_decode_fail(d, ".%s is not known here", d->statement->parts[k]);
}

void sim_decode_function(sim_decoder *d) {
    const ptx_function *function = d->function;
    for (int s = 0; s < function->n_statements; s++) {
        d->statement = &function->statements[s];
        d->i = &d->code[s];
        *d->i = (sim_instr){.line = d->statement->line, .guard = SIM_NONE, .target = -1};
        memset(d->taken, 0, sizeof d->taken);
        decode_statement(d);
        check_modifiers(d);
        if (!d->statement->guard) continue;
        ptx_operand guard = {.kind = PTX_REGISTER, .reg = d->statement->guard, .name = "guard"};
        sim_use(d, &d->i->guard, &guard, PTX_PRED);
        d->i->guard_negated = d->statement->guard_negated;
    }
    d->statement = NULL;
}
