// Every object of the driver is in one table, and stays there when it is destroyed, so that a
// handle of something that is gone is known for what it was.
#include <stdlib.h>

#include "tests/cudasim/driver_state.h"

// A handle is no address: reading through one is a fault at once.
static const uintptr_t first_handle = 0x5100000000000000u;
enum { HANDLE_STEP = 16 };

static sim_object **objects;
static size_t n_objects, n_room;
static int made[SIM_OBJECT_KINDS];

const char *sim_object_kind_name(sim_object_kind kind) {
    static const char *const names[] = {"context",    "stream",           "event",
                                        "module",     "function",         "graph",
                                        "graph node", "executable graph", "memory"};
    return names[kind];
}

void *sim_object_new(sim_object_kind kind, size_t bytes, sim_context *context) {
    if (n_objects == n_room) {
        n_room = n_room ? 2 * n_room : 64;
        objects = sim_must_grow(objects, n_room * sizeof *objects);
    }
    sim_object *object = sim_must_allocate(bytes);
    object->kind = kind;
    object->number = ++made[kind];
    object->context = context;
    object->handle = (void *)(first_handle + n_objects * HANDLE_STEP);
    objects[n_objects++] = object;
    return object;
}

CUresult sim_object_find(sim_object_kind kind, const void *handle, void *out) {
    const char *name = sim_object_kind_name(kind);
    *(void **)out = NULL;
    if (!handle) return sim_refuse(CUDA_ERROR_INVALID_HANDLE, "the %s is NULL", name);
    uintptr_t offset = (uintptr_t)handle - first_handle;
    size_t index = offset / HANDLE_STEP;
    if (offset % HANDLE_STEP || index >= n_objects) {
        return sim_misuse(CUDA_ERROR_INVALID_HANDLE, "%p is no %s", handle, name);
    }
    sim_object *object = objects[index];
    if (object->kind != kind) {
        return sim_misuse(CUDA_ERROR_INVALID_HANDLE, "%s %d was given as %s",
                          sim_object_kind_name(object->kind), object->number, name);
    }
    if (object->destroyed) {
        return sim_misuse(
            kind == SIM_IS_CONTEXT ? CUDA_ERROR_CONTEXT_IS_DESTROYED : CUDA_ERROR_INVALID_HANDLE,
            "%s %d was destroyed", name, object->number);
    }
    *(void **)out = object;
    return CUDA_SUCCESS;
}

static size_t index_of(const sim_object *object) {
    return ((uintptr_t)object->handle - first_handle) / HANDLE_STEP;
}

void *sim_object_next(sim_object_kind kind, const void *before) {
    for (size_t i = before ? index_of(before) + 1 : 0; i < n_objects; i++) {
        if (objects[i]->kind == kind && !objects[i]->destroyed) return objects[i];
    }
    return NULL;
}

static void report_leak(const sim_object *object) {
    if (object->kind == SIM_IS_MEMORY) {
        const sim_allocation *block = (const sim_allocation *)object;
        sim_problem(SIM_LEAK, "%s memory %d of %zu bytes was not freed",
                    block->pinned ? "pinned host" : "device", object->number, block->bytes);
    } else {
        sim_problem(SIM_LEAK, "%s %d was not destroyed", sim_object_kind_name(object->kind),
                    object->number);
    }
}

// Functions go with their module, nodes with their graph, and the legacy stream with its context.
void sim_object_leaks(sim_context *context) {
    for (size_t i = 0; i < n_objects; i++) {
        sim_object *object = objects[i];
        if (object->destroyed || object->context != context) continue;
        if (context->error == CUDA_SUCCESS && object->kind != SIM_IS_FUNCTION &&
            object->kind != SIM_IS_NODE && object != (sim_object *)context->legacy) {
            report_leak(object);
        }
        if (object->kind == SIM_IS_MEMORY) sim_allocation_release((sim_allocation *)object);
        if (object->kind == SIM_IS_MODULE) sim_loaded_release((sim_loaded *)object);
        object->destroyed = true;
    }
}
