// Conditions and loops. A loop's test is at its head, so it may run no times; LLVM turns it round
// where it knows better.
#include <string.h>

#include "codegen/llvm/emit.h"

static LLVMBasicBlockRef new_block(dn_emit *e, const char *name) {
    return LLVMAppendBasicBlockInContext(e->context, e->function, name);
}

LLVMBasicBlockRef dn_emit_enter_if(dn_emit *e, LLVMValueRef condition) {
    if (!condition) return NULL;
    LLVMBasicBlockRef then = new_block(e, "then"), after = new_block(e, "after");
    LLVMBuildCondBr(e->builder, condition, then, after);
    LLVMPositionBuilderAtEnd(e->builder, then);
    return after;
}

void dn_emit_leave(dn_emit *e, LLVMBasicBlockRef after) {
    if (!after) return;
    LLVMBuildBr(e->builder, after);
    LLVMPositionBuilderAtEnd(e->builder, after);
}

void dn_loop_begin(dn_emit *e, dn_loop *loop, LLVMValueRef begin, LLVMValueRef end,
                   LLVMValueRef step, LLVMValueRef *carried, int n) {
    LLVMBasicBlockRef before = LLVMGetInsertBlock(e->builder);
    *loop = (dn_loop){.head = new_block(e, "head"),
                      .body = new_block(e, "body"),
                      .exit = new_block(e, "exit"),
                      .end = end,
                      .step = step,
                      .carried = carried,
                      .n_carried = n};
    LLVMBuildBr(e->builder, loop->head);
    LLVMPositionBuilderAtEnd(e->builder, loop->head);
    loop->index = LLVMBuildPhi(e->builder, LLVMTypeOf(begin), "i");
    LLVMAddIncoming(loop->index, &begin, &before, 1);
    for (int k = 0; k < n; k++) {
        LLVMValueRef phi = LLVMBuildPhi(e->builder, LLVMTypeOf(carried[k]), "");
        LLVMAddIncoming(phi, &carried[k], &before, 1);
        carried[k] = phi;
    }
    LLVMValueRef more = LLVMBuildICmp(e->builder, LLVMIntSLT, loop->index, end, "");
    LLVMBuildCondBr(e->builder, more, loop->body, loop->exit);
    LLVMPositionBuilderAtEnd(e->builder, loop->body);
}

void dn_loop_end(dn_emit *e, dn_loop *loop) {
    LLVMBasicBlockRef last = LLVMGetInsertBlock(e->builder);
    LLVMValueRef next = LLVMBuildNSWAdd(e->builder, loop->index, loop->step, "");
    LLVMBuildBr(e->builder, loop->head);
    LLVMAddIncoming(loop->index, &next, &last, 1);
    LLVMValueRef phi = LLVMGetNextInstruction(loop->index);
    for (int k = 0; k < loop->n_carried; k++) {
        LLVMAddIncoming(phi, &loop->carried[k], &last, 1);
        loop->carried[k] = phi;  // behind the loop: the value with which it ended
        phi = LLVMGetNextInstruction(phi);
    }
    LLVMPositionBuilderAtEnd(e->builder, loop->exit);
}
