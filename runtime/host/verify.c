// Checks the code of a command before it first runs: that operands are in range, that jumps stay
// inside, and that the stack has one known height before every instruction. So a mistake of the
// front end is found at once, running needs no such checks, and a checkpoint can be held against
// the heights before its frames are believed.
#include <stdlib.h>

#include "runtime/host/builtins.h"
#include "runtime/host/run.h"

typedef struct checker {
    const dn_program *program;
    const dn_command *command;
    int *depths;
    int max_depth;
    int *work;  // instructions whose successors are still to be visited
    int n_work;
} checker;

// What an instruction takes from the stack and leaves on it.
typedef struct effect {
    int pops, pushes;
} effect;

static effect effect_of(const checker *c, dn_instruction in) {
    switch (in.op) {
        case DN_VM_CONST:
        case DN_VM_NONE:
        case DN_VM_LOAD: return (effect){0, 1};
        case DN_VM_DUP: return (effect){1, 2};
        case DN_VM_STORE:
        case DN_VM_POP:
        case DN_VM_JUMP_FALSE:
        case DN_VM_LOG:
        case DN_VM_RETURN: return (effect){1, 0};
        case DN_VM_UNARY:
        case DN_VM_FIELD:
        case DN_VM_FORMAT:
        case DN_VM_ITERATE: return (effect){1, 1};
        case DN_VM_NEXT: return (effect){1, 2};
        case DN_VM_BINARY:
        case DN_VM_INDEX:
        case DN_VM_RANGE: return (effect){2, 1};
        case DN_VM_LIST:
        case DN_VM_TEXT: return (effect){in.a, 1};
        case DN_VM_APPEND:
        case DN_VM_END_LOOP: return (effect){in.a + 1, in.a};
        case DN_VM_CALL_HOST:
        case DN_VM_CALL_ENTRY:
        case DN_VM_CALL_COMMAND: return (effect){in.b, 1};
        case DN_VM_RECORD: {
            int count = 0;
            while (c->program->record_names[in.a][count]) count++;
            return (effect){count, 1};
        }
        default: return (effect){0, 0};
    }
}

static bool within(int index, int count) { return index >= 0 && index < count; }

static bool is_string(const dn_program *program, int constant) {
    return within(constant, program->n_constants) &&
           program->constants[constant].kind == DN_VALUE_STRING;
}

static bool operands_hold(const checker *c, dn_instruction in) {
    const dn_program *program = c->program;
    switch (in.op) {
        case DN_VM_CONST: return within(in.a, program->n_constants);
        case DN_VM_LOAD:
        case DN_VM_STORE: return within(in.a, c->command->n_locals);
        case DN_VM_ITERATE: return in.a == -1 || within(in.a, c->command->n_locals);
        case DN_VM_UNARY: return in.a == DN_HOST_NEG || in.a == DN_HOST_NOT;
        case DN_VM_BINARY: return in.a >= DN_HOST_ADD && in.a <= DN_HOST_OR;
        case DN_VM_JUMP:
        case DN_VM_JUMP_FALSE:
        case DN_VM_NEXT: return within(in.a, c->command->n_code);
        case DN_VM_RECORD: return within(in.a, program->n_record_names);
        case DN_VM_FIELD:
        case DN_VM_FORMAT: return is_string(program, in.a);
        case DN_VM_LIST:
        case DN_VM_TEXT:
        case DN_VM_END_LOOP: return in.a >= 0;
        case DN_VM_APPEND: return in.a >= 1;
        case DN_VM_CALL_HOST: return in.b == dn_builtin_arity(in.a);
        case DN_VM_CALL_ENTRY:
            return within(in.a, program->n_entries) && in.b == program->entries[in.a].n_inputs;
        case DN_VM_CALL_COMMAND:
            return within(in.a, program->n_commands) && in.b == program->commands[in.a].n_params;
        default: return in.op < DN_VM_COUNT;
    }
}

static dn_status bad_code(const checker *c, int pc, const char *what) {
    static const char *const names[] = {
#define INSTRUCTION(ENUM, operands, effect) #ENUM,
#include "runtime/host/vm.def"
#undef INSTRUCTION
    };
    dn_instruction in = c->command->code[pc];
    return dn_fail(DN_INTERNAL, "the code of `%s` is wrong at %d (%s %d %d): %s", c->command->name,
                   pc, in.op < DN_VM_COUNT ? names[in.op] : "?", in.a, in.b, what);
}

// Control goes from instruction `from` to `to`, with `depth` values on the stack.
static dn_status flow(checker *c, int from, int to, int depth) {
    if (to >= c->command->n_code) return bad_code(c, from, "control runs off the end");
    if (depth > c->max_depth) c->max_depth = depth;
    if (c->depths[to] == depth) return DN_SUCCESS;
    if (c->depths[to] >= 0) return bad_code(c, from, "the stack's height depends on the way taken");
    c->depths[to] = depth;
    c->work[c->n_work++] = to;
    return DN_SUCCESS;
}

static dn_status visit(checker *c, int pc) {
    dn_instruction in = c->command->code[pc];
    int depth = c->depths[pc];
    if (!operands_hold(c, in)) return bad_code(c, pc, "an operand is out of range");
    effect e = effect_of(c, in);
    if (depth < e.pops) return bad_code(c, pc, "the stack is too short");
    depth += e.pushes - e.pops;
    switch (in.op) {
        case DN_VM_RETURN: return DN_SUCCESS;
        case DN_VM_JUMP: return flow(c, pc, in.a, depth);
        case DN_VM_JUMP_FALSE: DN_TRY(flow(c, pc, in.a, depth)); break;
        case DN_VM_NEXT: DN_TRY(flow(c, pc, in.a, depth - 2)); break;
        default: break;
    }
    return flow(c, pc, pc + 1, depth);
}

static dn_status check_code(checker *c) {
    const dn_command *command = c->command;
    if (command->n_code <= 0 || command->n_params < 0 || command->n_locals < command->n_params)
        return dn_fail(DN_INTERNAL, "`%s` has no code, or too few locals", command->name);
    for (int i = 0; i < command->n_code; i++) c->depths[i] = -1;
    c->depths[0] = 0;
    c->work[c->n_work++] = 0;
    while (c->n_work > 0) DN_TRY(visit(c, c->work[--c->n_work]));
    return DN_SUCCESS;
}

// The table of checked commands grows with the program (at the prompt).
static dn_checked_code *slot_of(dn_run *run, int command) {
    int count = run->program->n_commands;
    if (run->n_checked < count) {
        run->checked = dn_xrealloc(run->checked, (size_t)count * sizeof *run->checked);
        for (int i = run->n_checked; i < count; i++) run->checked[i] = (dn_checked_code){0};
        run->n_checked = count;
    }
    return &run->checked[command];
}

dn_status dn_host_check_command(dn_run *run, int command, const dn_checked_code **out) {
    dn_checked_code *checked = slot_of(run, command);
    *out = checked;
    if (checked->depths) return DN_SUCCESS;
    checker c = {.program = run->program, .command = &run->program->commands[command]};
    size_t room = (size_t)(c.command->n_code > 0 ? c.command->n_code : 1) * sizeof(int);
    c.depths = dn_xmalloc(room);
    c.work = dn_xmalloc(room);
    dn_status status = check_code(&c);
    free(c.work);
    if (status) {
        free(c.depths);
        return status;
    }
    *checked = (dn_checked_code){.depths = c.depths, .max_depth = c.max_depth};
    return DN_SUCCESS;
}
