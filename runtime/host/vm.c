// The machine: one function for each instruction, and the loop that calls them.
//
// The code was checked (verify.c) before its frame began, so that operands are in range and the
// stack is high enough; what values are is found out here.
#include <stdlib.h>
#include <string.h>

#include "runtime/base/interrupt.h"
#include "runtime/host/builtins.h"
#include "runtime/host/operate.h"

// ---- stack and frames ------------------------------------------------------------------------

static void push(dn_run *run, dn_value value) { run->stack[run->n_stack++] = value; }

static dn_value pop(dn_run *run) { return run->stack[--run->n_stack]; }

// The value `depth` places below the top.
static dn_value *peek(dn_run *run, int depth) { return &run->stack[run->n_stack - 1 - depth]; }

static void drop(dn_run *run, int count) {
    while (count-- > 0) dn_value_release(pop(run));
}

// Replaces the `count` topmost values by one.
static void replace(dn_run *run, int count, dn_value value) {
    drop(run, count);
    push(run, value);
}

static void free_locals(dn_run *run, const dn_frame *frame) {
    if (frame->lent || !frame->locals) return;
    int count = run->program->commands[frame->command].n_locals;
    for (int i = 0; i < count; i++) dn_value_release(frame->locals[i]);
    free(frame->locals);
}

static void pop_frame(dn_run *run) {
    dn_frame *frame = &run->frames[run->n_frames - 1];
    drop(run, run->n_stack - frame->base);
    free_locals(run, frame);
    run->n_frames--;
}

void dn_host_clear_frames(dn_run *run) {
    while (run->n_frames > 0) pop_frame(run);
}

static void reserve_stack(dn_run *run, int count) {
    if (run->n_stack + count <= run->stack_capacity) return;
    run->stack_capacity = 2 * (run->n_stack + count);
    run->stack = dn_xrealloc(run->stack, (size_t)run->stack_capacity * sizeof *run->stack);
}

dn_status dn_host_push_frame(dn_run *run, int command, dn_value *locals, bool lent) {
    dn_frame frame = {.command = command, .base = run->n_stack, .locals = locals, .lent = lent};
    const dn_checked_code *checked;
    dn_status status = dn_host_check_command(run, command, &checked);
    if (!status && run->n_frames >= DN_MAX_FRAMES)
        status = dn_fail(DN_INVALID, "commands call each other more than %d deep", DN_MAX_FRAMES);
    if (status) {
        free_locals(run, &frame);
        return status;
    }
    reserve_stack(run, checked->max_depth + 1);
    DN_PUSH(run->frames, run->n_frames, run->frames_capacity) = frame;
    return DN_SUCCESS;
}

// ---- data of tensors -------------------------------------------------------------------------

// The `count` topmost values are about to be read, whatever is in them.
static dn_status settle(dn_run *run, int count) {
    if (!run->executor->defers) return DN_SUCCESS;
    for (int i = 0; i < count; i++) DN_TRY(dn_value_settle(*peek(run, i)));
    return DN_SUCCESS;
}

// The same where a list or a record is only passed on: a loss that was put into a list is not
// waited for when the list grows.
static dn_status settle_tensors(dn_run *run, int count) {
    if (!run->executor->defers) return DN_SUCCESS;
    for (int i = 0; i < count; i++)
        if (peek(run, i)->kind == DN_VALUE_TENSOR) DN_TRY(dn_tensor_settle(peek(run, i)->tensor));
    return DN_SUCCESS;
}

// ---- progress bars ---------------------------------------------------------------------------

dn_progress *dn_host_active_bar(const dn_run *run) {
    for (int i = run->n_stack; i-- > 0;)
        if (run->stack[i].kind == DN_VALUE_ITERATOR && run->stack[i].iterator->bar)
            return run->stack[i].iterator->bar;
    return NULL;
}

void dn_host_hide_bar(const dn_run *run) {
    dn_progress *bar = dn_host_active_bar(run);
    if (bar) dn_progress_hide(bar);
}

// ---- where a run may stop --------------------------------------------------------------------

static dn_status stop_saved(dn_run *run) {
    dn_status status = dn_host_save(run);
    if (status) return dn_annotate(status, "interrupted, and the checkpoint could not be written");
    return dn_fail(DN_INTERRUPTED, "interrupted: saved %s at step %lld; go on with --resume %s",
                   run->checkpoint_path, (long long)run->steps, run->checkpoint_path);
}

// The state is whole between two instructions; that is where Ctrl-C takes effect.
static dn_status stop_if_asked(dn_run *run) {
    if (!dn_interrupt_requested()) return DN_SUCCESS;
    DN_TRY(dn_host_log_late(run, 0));
    dn_host_hide_bar(run);
    if (run->checkpoint_path) return stop_saved(run);
    if (run->frames[0].lent)
        return dn_fail(DN_INTERRUPTED, "interrupted; all that was computed stays");
    return dn_fail(DN_INTERRUPTED, "interrupted at step %lld; nothing was saved",
                   (long long)run->steps);
}

// ---- instructions ----------------------------------------------------------------------------

#define INSTRUCTION(ENUM, operands, effect) \
    static dn_status do_##ENUM(dn_run *run, dn_frame *frame, dn_instruction in);
#include "runtime/host/vm.def"
#undef INSTRUCTION
#define DO(ENUM)                                                        \
    static dn_status do_##ENUM(__attribute__((unused)) dn_run *run,     \
                               __attribute__((unused)) dn_frame *frame, \
                               __attribute__((unused)) dn_instruction in)

DO(CONST) {
    push(run, dn_value_retain(run->program->constants[in.a]));
    return DN_SUCCESS;
}

DO(NONE) {
    push(run, dn_value_none());
    return DN_SUCCESS;
}

DO(LOAD) {
    push(run, dn_value_retain(frame->locals[in.a]));
    return DN_SUCCESS;
}

DO(STORE) {
    dn_value_release(frame->locals[in.a]);
    frame->locals[in.a] = pop(run);
    return DN_SUCCESS;
}

DO(POP) {
    drop(run, 1);
    return DN_SUCCESS;
}

DO(DUP) {
    push(run, dn_value_retain(*peek(run, 0)));
    return DN_SUCCESS;
}

DO(UNARY) {
    dn_value result;
    DN_TRY(settle_tensors(run, 1));
    DN_TRY(dn_host_unary((dn_host_operator)in.a, *peek(run, 0), &result));
    replace(run, 1, result);
    return DN_SUCCESS;
}

DO(BINARY) {
    dn_value result;
    bool compares = in.a == DN_HOST_EQ || in.a == DN_HOST_NE;
    DN_TRY(compares ? settle(run, 2) : settle_tensors(run, 2));
    DN_TRY(dn_host_binary((dn_host_operator)in.a, *peek(run, 1), *peek(run, 0), &result));
    replace(run, 2, result);
    return DN_SUCCESS;
}

DO(JUMP) {
    bool back = in.a < frame->pc;
    frame->pc = in.a;
    return back ? stop_if_asked(run) : DN_SUCCESS;
}

DO(JUMP_FALSE) {
    bool condition;
    DN_TRY(settle_tensors(run, 1));
    DN_TRY(dn_host_condition(*peek(run, 0), &condition));
    drop(run, 1);
    if (!condition) frame->pc = in.a;
    return DN_SUCCESS;
}

DO(RECORD) {
    const char *const *names = run->program->record_names[in.a];
    int count = 0;
    while (names[count]) count++;
    run->n_stack -= count;  // the record takes the values
    push(run, dn_value_record(count, names, run->stack + run->n_stack));
    return DN_SUCCESS;
}

static dn_status no_field(const dn_record *record, const char *name) {
    const char *const *names = (const char *const *)record->names;
    const char *close = dn_closest_name(name, names, record->count);
    dn_str fields = {0};
    for (int i = 0; i < record->count; i++)
        dn_str_printf(&fields, "%s%s", i ? ", " : "", record->names[i]);
    dn_status status = dn_fail(DN_NOT_FOUND, "there is no field `%s` in {%s}", name,
                               fields.text ? fields.text : "");
    free(fields.text);
    return close ? dn_with_hint(status, "did you mean `%s`?", close) : status;
}

DO(FIELD) {
    const char *name = run->program->constants[in.a].string->text;
    const dn_value *value = peek(run, 0);
    if (value->kind != DN_VALUE_RECORD)
        return dn_fail(DN_INVALID, "%s has no field `%s`", dn_value_kind_name(value->kind), name);
    const dn_value *field = dn_record_find(value->record, name);
    if (!field) return no_field(value->record, name);
    replace(run, 1, dn_value_retain(*field));
    return DN_SUCCESS;
}

DO(LIST) {
    dn_value list = dn_value_list();
    run->n_stack -= in.a;  // the list takes the values
    for (int i = 0; i < in.a; i++) dn_list_push(list.list, run->stack[run->n_stack + i]);
    push(run, list);
    return DN_SUCCESS;
}

DO(APPEND) {
    dn_value *list = peek(run, in.a);
    if (list->kind != DN_VALUE_LIST)
        return dn_fail(DN_INVALID, "%s cannot grow", dn_value_kind_name(list->kind));
    dn_list_push(list->list, pop(run));
    return DN_SUCCESS;
}

DO(INDEX) {
    dn_value element;
    DN_TRY(settle_tensors(run, 2));
    DN_TRY(dn_host_index(*peek(run, 1), *peek(run, 0), &element));
    replace(run, 2, element);
    return DN_SUCCESS;
}

static dn_value take_text(dn_str *text) {
    dn_value value = dn_value_string(text->text ? text->text : "", text->length);
    free(text->text);
    return value;
}

DO(TEXT) {
    dn_str text = {0};
    DN_TRY(settle(run, in.a));
    for (int i = in.a; i-- > 0;) dn_value_print(peek(run, i), &text);
    replace(run, in.a, take_text(&text));
    return DN_SUCCESS;
}

DO(FORMAT) {
    dn_str text = {0};
    DN_TRY(settle(run, 1));
    const char *format = run->program->constants[in.a].string->text;
    dn_status status = dn_value_format(peek(run, 0), format, &text);
    if (status) {
        free(text.text);
        return status;
    }
    replace(run, 1, take_text(&text));
    return DN_SUCCESS;
}

DO(RANGE) {
    DN_TRY(settle_tensors(run, 2));
    dn_value first = dn_value_scalar(*peek(run, 1)), last = dn_value_scalar(*peek(run, 0));
    if (first.kind != DN_VALUE_INT || last.kind != DN_VALUE_INT)
        return dn_fail(DN_INVALID, "a range is from an int to an int, not from %s to %s",
                       dn_value_kind_name(peek(run, 1)->kind),
                       dn_value_kind_name(peek(run, 0)->kind));
    int64_t from = first.integer, to = last.integer, length;
    bool excluded = in.a == 1;
    if (to < from || (excluded && to == from)) {
        // However far apart, an empty range is just that.
        replace(run, 2, dn_value_range(1, 0));
        return DN_SUCCESS;
    }
    to -= excluded;
    if (__builtin_sub_overflow(to, from, &length) || length == INT64_MAX)
        return dn_fail(DN_INVALID, "a range from %lld to %lld is too long", (long long)from,
                       (long long)to);
    replace(run, 2, dn_value_range(from, to));
    return DN_SUCCESS;
}

// The epoch that a loop over a dataset begins; the next one begins the next.
static dn_status count_epoch(dn_frame *frame, int local, uint64_t *epoch) {
    *epoch = 0;
    if (local < 0) return DN_SUCCESS;
    dn_value *counter = &frame->locals[local];
    if (counter->kind == DN_VALUE_INT && counter->integer >= 0 && counter->integer < INT64_MAX)
        *epoch = (uint64_t)counter->integer;
    else if (counter->kind != DN_VALUE_NONE)
        return dn_fail(DN_INTERNAL, "a loop's epoch is %s", dn_value_kind_name(counter->kind));
    *counter = dn_value_int((int64_t)*epoch + 1);
    return DN_SUCCESS;
}

static bool goes_through_dataset(const dn_value *value) {
    if (value->kind == DN_VALUE_PROGRESS) value = &value->progress->items;
    return value->kind == DN_VALUE_DATASET;
}

DO(ITERATE) {
    uint64_t epoch = 0;
    dn_value iterator;
    DN_TRY(settle(run, 1));
    if (goes_through_dataset(peek(run, 0))) DN_TRY(count_epoch(frame, in.a, &epoch));
    DN_TRY(dn_host_iterate(peek(run, 0), epoch, &iterator));
    replace(run, 1, iterator);
    return DN_SUCCESS;
}

static dn_status check_iterator(const dn_value *value) {
    if (value->kind == DN_VALUE_ITERATOR) return DN_SUCCESS;
    return dn_fail(DN_INTERNAL, "a loop over %s that is not an iterator",
                   dn_value_kind_name(value->kind));
}

// The bar has all values that were logged under it.
static dn_status end_iterator(dn_run *run, dn_host_iterator *iterator) {
    if (iterator->bar) DN_TRY(dn_host_log_late(run, 0));
    dn_host_iterator_end(iterator);
    return DN_SUCCESS;
}

DO(NEXT) {
    DN_TRY(check_iterator(peek(run, 0)));
    dn_host_iterator *iterator = peek(run, 0)->iterator;
    if (iterator->shows && !iterator->bar) {
        DN_TRY(dn_host_log_late(run, 0));
        dn_host_hide_bar(run);
        dn_host_iterator_show(iterator, run->options.err);
    }
    dn_value element;
    bool done, waits = run->executor->waits && iterator->items.kind == DN_VALUE_DATASET;
    if (waits) run->executor->waits(run->executor->context, true);
    DN_TRY(dn_host_next(iterator, &run->options, &element, &done));
    if (waits) run->executor->waits(run->executor->context, false);
    if (done) {
        DN_TRY(end_iterator(run, iterator));
        drop(run, 1);
        frame->pc = in.a;
    } else {
        push(run, element);
    }
    return DN_SUCCESS;
}

DO(END_LOOP) {
    dn_value *at = peek(run, in.a), iterator = *at;
    DN_TRY(check_iterator(at));
    DN_TRY(end_iterator(run, iterator.iterator));
    memmove(at, at + 1, (size_t)in.a * sizeof *at);
    run->n_stack--;
    dn_value_release(iterator);
    return DN_SUCCESS;
}

// checkpoint() is carried out here, when its result is on the stack, so that a resumed run goes on
// with the next instruction.
DO(CALL_HOST) {
    dn_value result;
    DN_TRY(settle(run, in.b));
    if (dn_builtin_acts(in.a)) DN_TRY(dn_host_log_late(run, 0));
    DN_TRY(dn_builtin_call(run, in.a, run->stack + run->n_stack - in.b, &result));
    replace(run, in.b, result);
    if (run->save_asked) {
        run->save_asked = false;
        DN_TRY(dn_host_save(run));
    }
    return stop_if_asked(run);
}

// The loop over data that the failing code is in, if any, has more to say about what went in.
static dn_status with_batch(const dn_run *run, dn_status status) {
    for (int i = run->n_stack; i-- > 0;) {
        const dn_value *value = &run->stack[i];
        if (value->kind != DN_VALUE_ITERATOR || !value->iterator->data) continue;
        dn_str text = {0};
        const char *note = dn_status_note(status);
        dn_iterator_describe(value->iterator->data, &text);
        status = dn_with_note(status, "%s%sthe loop over data was at %s", note ? note : "",
                              note ? "; " : "", text.text);
        free(text.text);
        return status;
    }
    return status;
}

// An entry that was interrupted has changed nothing: the run stands before the call again.
static dn_status end_call(dn_run *run, dn_frame *frame, dn_status status) {
    if (dn_status_code(status) != DN_INTERRUPTED) return with_batch(run, status);
    dn_status_free(status);
    frame->pc--;
    return stop_if_asked(run);
}

DO(CALL_ENTRY) {
    dn_value result;
    dn_status status = dn_host_call_entry(run, in.a, run->stack + run->n_stack - in.b, &result);
    if (status) return end_call(run, frame, status);
    replace(run, in.b, result);
    DN_TRY(stop_if_asked(run));
    bool due = run->program->entries[in.a].is_step && run->checkpoint_every > 0 &&
               run->steps % run->checkpoint_every == 0;
    return due ? dn_host_save(run) : DN_SUCCESS;
}

DO(CALL_COMMAND) {
    int count = run->program->commands[in.a].n_locals;
    dn_value *locals = dn_xcalloc((size_t)count, sizeof *locals);
    run->n_stack -= in.b;  // the locals take the values
    if (in.b) memcpy(locals, run->stack + run->n_stack, (size_t)in.b * sizeof *locals);
    return dn_host_push_frame(run, in.a, locals, false);
}

DO(LOG) {
    DN_TRY(dn_host_log(run, peek(run, 0)));
    drop(run, 1);
    return DN_SUCCESS;
}

DO(RETURN) {
    dn_value result = pop(run);
    pop_frame(run);
    push(run, result);  // for the caller; the outermost one's is taken by dn_host_continue
    return DN_SUCCESS;
}

typedef dn_status handler(dn_run *run, dn_frame *frame, dn_instruction in);

static handler *const handlers[] = {
#define INSTRUCTION(ENUM, operands, effect) [DN_VM_##ENUM] = do_##ENUM,
#include "runtime/host/vm.def"
#undef INSTRUCTION
};

// ---- the loop --------------------------------------------------------------------------------

dn_status dn_host_continue(dn_run *run, dn_value *result) {
    while (run->n_frames > 0) {
        dn_frame *frame = &run->frames[run->n_frames - 1];
        dn_instruction in = run->program->commands[frame->command].code[frame->pc++];
        dn_status status = handlers[in.op](run, frame, in);
        if (status) {
            status = dn_host_locate(run, status);
            dn_status_free(dn_host_log_late(run, 0));
            dn_host_clear_frames(run);
            return status;
        }
    }
    dn_value value = pop(run);
    dn_status status = dn_host_log_late(run, 0);
    if (!status) status = result ? dn_value_settle(value) : DN_SUCCESS;
    if (result && !status)
        *result = value;
    else
        dn_value_release(value);
    return status;
}
