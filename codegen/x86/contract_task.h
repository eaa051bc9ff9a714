// Private to contract*.c: code for a task under construction.
#ifndef DN_CODEGEN_X86_CONTRACT_TASK_H
#define DN_CODEGEN_X86_CONTRACT_TASK_H

#include "codegen/x86/contract.h"

typedef struct dn_ctask {
    dn_emit *e;
    const dn_cplan *plan;
    bool dot_pairs;                                    // there is vdpbf16ps
    int lanes;                                         // of a register (`inner`: of a sum)
    int rows, vectors;                                 // of a full tile
    LLVMValueRef low[DN_MAX_AXES], high[DN_MAX_AXES];  // of the task, for each dim
    LLVMValueRef column_low, column_high, group;
    LLVMValueRef index[DN_MAX_AXES];  // of the point, for each dim
    LLVMValueRef column;
    dn_crange range[DN_MAX_SPATIAL];
    LLVMValueRef rows_needed, steps_taken;            // at the point; NULL: all
    LLVMValueRef from[DN_C_LEVELS], to[DN_C_LEVELS];  // steps of the chunk
    LLVMValueRef first_chunk, last_chunk;             // i1; NULL if there is only one
    LLVMValueRef scratch, a_copy, b_copy;             // memory on the stack
    dn_cmodes modes;
    int vector_count;   // of the tile under construction
    int exist;          // lanes of its last vector, if not all
    LLVMValueRef mask;  // the same as a mask
} dn_ctask;

// if (condition) { what is emitted next }: returns the block behind it, for the end.
LLVMBasicBlockRef dn_contract_if(dn_ctask *task, LLVMValueRef condition);
void dn_contract_end_if(dn_ctask *task, LLVMBasicBlockRef after);

// How many rows and vectors the tile has.
void dn_contract_shape(dn_ctask *task, const dn_x86 *target);
// All points of the task for the columns of one tile (contract_rows.c).
void dn_contract_rows(dn_ctask *task);
// One tile at the current point (contract.c).
void dn_contract_tile(dn_ctask *task, int rows);
// What becomes of its sums (contract_finish.c).
void dn_contract_finish(dn_ctask *task, dn_ctile *tile);

#endif
