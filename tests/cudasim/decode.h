// From statements to instructions: what the decoders of the kinds of instructions share.
#ifndef CUDASIM_DECODE_H
#define CUDASIM_DECODE_H

#include <setjmp.h>

#include "tests/cudasim/machine.h"

// Where an instruction names a register.
typedef struct sim_reference {
    sim_slot *slot;
    int reg;
    int statement;
    bool written, guarded;
} sim_reference;

typedef struct sim_decoder {
    const ptx_module *module;
    const ptx_function *function;
    const ptx_statement *statement;
    ptx_pool *pool;
    sim_program *program;
    sim_instr *code;  // one for each statement
    sim_instr *i;     // this one's
    bool taken[PTX_PARTS];
    // of this function
    sim_reference *references;
    int n_references, cap_references;
    int *register_bytes;  // of each register's value in one lane; 0: a predicate
    bool *copies;         // of each statement: passes unwritten values on
    // of the program
    char *constants;
    int constant_bytes, cap_constants;
    sim_slot sink;               // where results go that nobody wants
    const ptx_function **order;  // functions, callees first
    int *starts;
    int n_order;
    jmp_buf failed;
    char *log;
    size_t log_bytes;
} sim_decoder;

_Noreturn void sim_decode_fail(sim_decoder *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// ---- modifiers ----
bool sim_take(sim_decoder *d, const char *modifier);
// The index of the one that is there, of a list ended by NULL; -1: none.
int sim_take_one(sim_decoder *d, const char *const *modifiers);
ptx_type sim_take_type(sim_decoder *d);  // the first that is left; fails where there is none
ptx_type sim_take_optional_type(sim_decoder *d);
ptx_space sim_take_space(sim_decoder *d);

// ---- operands ----
const ptx_operand *sim_operand(sim_decoder *d, int k);
int sim_lane_bytes(ptx_type type);  // 4, 8, 16; 0: a predicate
// A register or number of exactly this type's size.
sim_slot sim_use(sim_decoder *d, sim_slot *slot, const ptx_operand *operand, ptx_type type);
void sim_define(sim_decoder *d, sim_slot *slot, const ptx_operand *operand, ptx_type type);
// A register of any size: its bytes.
int sim_use_any(sim_decoder *d, sim_slot *slot, const ptx_operand *operand, ptx_type type);
int sim_define_any(sim_decoder *d, sim_slot *slot, const ptx_operand *operand);
sim_slot sim_constant(sim_decoder *d, int lane_bytes, uint64_t low, uint64_t high);
// The elements of {a, b}, or the operand itself: into i->list.
int sim_elements(const ptx_operand *operand, const ptx_operand **first);
sim_slot *sim_slots(sim_decoder *d, int count);
// [address]: a (NONE: none), offset, indirect, wide, space.
void sim_address(sim_decoder *d, const ptx_operand *operand);
// The address of a variable, as mov sees it.
int64_t sim_variable_address(sim_decoder *d, const ptx_operand *operand);

// ---- decoders: each understands statements whose first part it is listed with in decode.c ----
typedef void (*sim_decode_fn)(sim_decoder *d);
bool sim_decode_alu(sim_decoder *d);  // false: it is no plain function of lanes
void sim_decode_move(sim_decoder *d);
void sim_decode_convert(sim_decoder *d);
void sim_decode_compare(sim_decoder *d);  // setp, set
void sim_decode_testp(sim_decoder *d);
void sim_decode_select(sim_decoder *d);
void sim_decode_logic(sim_decoder *d);  // of predicates
void sim_decode_load(sim_decoder *d);
void sim_decode_store(sim_decoder *d);
void sim_decode_atomic(sim_decoder *d);
void sim_decode_address(sim_decoder *d);  // cvta, isspacep, mapa
void sim_decode_nothing(sim_decoder *d);  // hints
void sim_decode_barrier(sim_decoder *d);
void sim_decode_fence(sim_decoder *d);
void sim_decode_warp(sim_decoder *d);  // shfl, vote, match, redux, activemask, elect
void sim_decode_flow(sim_decoder *d);  // bra, call, ret
void sim_decode_mbarrier(sim_decoder *d);
void sim_decode_copy(sim_decoder *d);  // cp.async
void sim_decode_matrix(sim_decoder *d);
void sim_decode_wgmma(sim_decoder *d);

// Decodes d->function to d->code.
void sim_decode_function(sim_decoder *d);

// ---- order and registers ----
// Puts a function's instructions behind the program's, ordered (flow.c).
void sim_order_code(sim_decoder *d);
// Finds registers that need a mask of what was written, and gives all their slots (registers.c).
void sim_place_registers(sim_decoder *d);
void sim_give_slots(sim_decoder *d);  // slots.c
// The statements that may run after `s` (at most `room`), as many as there are: for both of them.
int sim_successors(const sim_decoder *d, int s, int *next, int room);

#endif
