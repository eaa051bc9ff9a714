// Holds what an image's numbers refer to against what there is.
#include "runtime/host/program_image.h"

enum { MOST_LOCALS = 1 << 20 };

static bool within(int64_t index, int64_t count) { return index >= 0 && index < count; }

// ---- launches --------------------------------------------------------------------------------

static bool arg_holds(const dn_entry *entry, const dn_native_entry *code,
                      const dn_native_arg *arg) {
    switch (arg->place) {
        case DN_PLACE_ARENA: return arg->offset >= 0 && arg->offset <= code->arena_bytes;
        case DN_PLACE_INPUT: return within(arg->index, entry->n_inputs);
        case DN_PLACE_VAR: return within(arg->index, entry->n_vars);
        case DN_PLACE_OUTPUT: return within(arg->index, entry->n_outputs);
        default: return false;
    }
}

// The bytes from an argument's address to the end of what it is in.
static int64_t room_behind(const dn_program *program, const dn_entry *entry,
                           const dn_native_entry *code, const dn_native_arg *arg) {
    if (arg->place == DN_PLACE_ARENA) return code->arena_bytes - arg->offset;
    const dn_variable *variable =
        arg->place == DN_PLACE_VAR ? &program->variables[entry->vars[arg->index]] : NULL;
    const dn_field *fields = arg->place == DN_PLACE_INPUT ? entry->inputs : entry->outputs;
    const dn_shape *shape = variable ? &variable->shape : &fields[arg->index].shape;
    dn_dtype dtype = variable ? variable->dtype : fields[arg->index].dtype;
    return dn_shape_elements(shape) * (int64_t)dn_dtype_size(dtype);
}

static bool random_holds(const dn_program *program, const dn_entry *entry,
                         const dn_native_entry *code, const dn_native_launch *launch) {
    if (launch->n_args < 1 || (launch->dtype != DN_F32 && launch->dtype != DN_F64)) return false;
    int64_t size = (int64_t)dn_dtype_size(launch->dtype);
    return launch->tasks <= room_behind(program, entry, code, &code->args[launch->arg]) / size;
}

static bool launch_holds(const dn_program_image *image, const dn_entry *entry,
                         const dn_native_entry *code, const dn_native_launch *launch) {
    if (launch->arg < 0 || launch->n_args < 0 || launch->arg > code->n_args - launch->n_args ||
        launch->tasks < 0 || !within(launch->name, (int64_t)code->n_names + 1) ||
        !within(launch->place, (int64_t)code->n_names + 1) ||
        !within(launch->table, (int64_t)code->n_names + 1))
        return false;
    if (launch->kind == DN_LAUNCH_RANDOM) return random_holds(&image->program, entry, code, launch);
    return launch->kind == DN_LAUNCH_KERNEL && within(launch->kernel, image->n_kernels);
}

static bool code_holds(const dn_program_image *image, int index) {
    const dn_entry *entry = &image->program.entries[index];
    const dn_native_entry *code = &image->code[index];
    if (code->arena_bytes < 0 || !within(code->n_constant, (int64_t)code->n_launches + 1))
        return false;
    for (int i = 0; i < code->n_args; i++)
        if (!arg_holds(entry, code, &code->args[i])) return false;
    for (int i = 0; i < code->n_launches; i++)
        if (!launch_holds(image, entry, code, &code->launches[i])) return false;
    return true;
}

// ---- the program -----------------------------------------------------------------------------

static bool entry_holds(const dn_program *program, const dn_entry *entry) {
    for (int i = 0; i < entry->n_vars; i++)
        if (!within(entry->vars[i], program->n_variables)) return false;
    for (int i = 0; i < entry->n_inputs; i++)
        if (!entry->inputs[i].name) return false;
    for (int i = 0; i < entry->n_outputs && entry->record; i++)
        if (!entry->outputs[i].name) return false;
    return true;
}

static bool init_holds(dn_flag_kind kind, const dn_value *value) {
    if (value->kind == DN_VALUE_NONE) return true;
    switch (kind) {
        case DN_FLAG_BOOL: return value->kind == DN_VALUE_BOOL;
        case DN_FLAG_INT: return value->kind == DN_VALUE_INT;
        case DN_FLAG_FLOAT: return value->kind == DN_VALUE_FLOAT || value->kind == DN_VALUE_INT;
        case DN_FLAG_STRING:
        case DN_FLAG_PATH: return value->kind == DN_VALUE_STRING;
    }
    return false;
}

// Its code is verified before it runs.
static bool command_holds(const dn_command *command) {
    for (int i = 0; i < command->n_params; i++)
        if ((unsigned)command->params[i].kind > DN_FLAG_PATH ||
            !init_holds(command->params[i].kind, &command->params[i].init))
            return false;
    return command->n_locals >= command->n_params && command->n_locals <= MOST_LOCALS;
}

const char *dn_program_check(const dn_program_image *image) {
    const dn_program *program = &image->program;
    for (int i = 0; i < program->n_variables; i++)
        if (!within(program->variables[i].init, program->n_entries) ||
            (unsigned)program->variables[i].kind > DN_VARIABLE_SLOT)
            return "a variable";
    for (int i = 0; i < program->n_entries; i++)
        if (!entry_holds(program, &program->entries[i])) return "an entry";
    for (int i = 0; i < program->n_entries; i++)
        if (!code_holds(image, i)) return "the code of an entry";
    for (int i = 0; i < program->n_commands; i++)
        if (!command_holds(&program->commands[i])) return "a command";
    return image->n_sources >= 1 ? NULL : "its source";
}
