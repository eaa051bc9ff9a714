// The inside of a dn_cuda, shared by the files of this folder.
#ifndef DN_RUNTIME_CUDA_INSIDE_H
#define DN_RUNTIME_CUDA_INSIDE_H

#include "runtime/cuda/driver.h"
#include "runtime/cuda/layout.h"

// A variable on the device.
typedef struct dn_cuda_variable {
    dn_tensor_source source;  // of a tensor whose data only the device has
    dn_cuda *cuda;
    int index;
    dn_tensor *tensor;  // whose data the device has; NULL: none yet
} dn_cuda_variable;

// What one run uses, and the next but one again.
typedef struct dn_cuda_set {
    dn_tensor_source source;  // of results
    dn_cuda *cuda;
    dn_cu_address device;
    char *pinned;
    bool used;
    dn_cu_event uploaded;           // inputs have left the pinned memory
    dn_cu_event done;               // the run has ended and its results are in pinned memory
    const dn_entry *entry;          // that ran
    const dn_cuda_places *outputs;  // its results: where they are,
    dn_tensor **tensors;            // and the tensors given out for them
    int n_tensors, cap_tensors;
} dn_cuda_set;

// Launches [begin, end) of an entry, then results copied to pinned memory: its second part; or the
// fault: the first part of an entry whose launches can fail.
typedef struct dn_cuda_part {
    int begin, end;
    bool checks;                          // the fault is copied
    dn_cu_graph_run graph[DN_CUDA_SETS];  // NULL: not captured yet
} dn_cuda_part;

// Code that was loaded: the best of its modules.
typedef struct dn_cuda_loaded {
    const dn_cuda_code *code;
    dn_cu_module module;
    const dn_cuda_kernel *kernels;  // of the module
    dn_cu_function *functions;      // of the kernels; NULL for those without a symbol
} dn_cuda_loaded;

typedef struct dn_cuda_entry {
    const dn_entry *entry;
    const dn_native_entry *code;
    const dn_cuda_loaded *in;
    int number;
    bool *writes;  // of each of its variables: a launch that commits has it
    bool *shared;  // of those, in the run under way: somebody else holds the tensor
    bool ran;      // graphs are made from the second run on: much is run only once
    dn_cuda_part parts[2];
    int n_parts;
} dn_cuda_entry;

struct dn_cuda {
    const dn_program *program;
    dn_cu cu;
    dn_cu_device device;
    char name[256];  // of the device
    int capability;  // 90
    dn_cu_context context;
    bool entered;  // the context is current in the caller's thread
    dn_cu_stream compute, copies;
    dn_cuda_set sets[DN_CUDA_SETS];
    uint64_t runs;
    dn_cuda_loaded *loaded;  // one behind the other they have the code of the program's entries
    int n_loaded, cap_loaded;
    // The plan, made anew when the program has grown.
    dn_cuda_layout layout;  // its arena has the lists, too
    dn_cu_address memory;
    char *pinned;
    int n_variables, n_entries;  // that are planned
    dn_cuda_variable *variables;
    dn_cuda_entry *entries;
    void **params;  // of a launch: room for the most
    dn_cu_address *addresses;
    bool one_by_one;            // DNET_CUDA_SYNC: waits after each launch
    dn_native_watcher watcher;  // launched = NULL: nobody
    dn_cu_event *times;         // between the launches of a watched run
    int n_times;
};

// Success, or a failure that says what was being done: "`train_step` on the GPU: CUDA_ERROR_...".
dn_status dn_cuda_check(const dn_cuda *cuda, dn_cu_result result, const char *doing) DN_MUST_USE;

// module.c: loads the best of the code for the device and finds the kernels in it.
dn_status dn_cuda_load(dn_cuda *cuda, dn_cuda_loaded *in) DN_MUST_USE;
void dn_cuda_unload(dn_cuda *cuda, dn_cuda_loaded *in);

// plan.c: graphs, memory and the lists.
void dn_cuda_free_plan(dn_cuda *cuda);

// launch.c: the launches of a part, as a graph or one by one.
dn_status dn_cuda_launch_part(dn_cuda *cuda, dn_cuda_entry *e, dn_cuda_part *part,
                              int set) DN_MUST_USE;
void dn_cuda_free_graphs(dn_cuda *cuda);

// data.c: what goes to the device before a run and what tensors are given out after it.
dn_status dn_cuda_bring_inputs(dn_cuda *cuda, const dn_cuda_entry *e, const dn_native_call *call,
                               int set) DN_MUST_USE;
dn_status dn_cuda_bring_variables(dn_cuda *cuda, const dn_cuda_entry *e,
                                  const dn_native_call *call) DN_MUST_USE;
// Before the set's results are overwritten: those that somebody still holds come to the host.
dn_status dn_cuda_retire(dn_cuda *cuda, int set) DN_MUST_USE;
// Before the entry's variables are overwritten: the same.
dn_status dn_cuda_keep_shared(dn_cuda *cuda, dn_cuda_entry *e,
                              const dn_native_call *call) DN_MUST_USE;
// After the launches: the device has newer data of what was written.
dn_status dn_cuda_give_variables(dn_cuda *cuda, dn_cuda_entry *e,
                                 const dn_native_call *call) DN_MUST_USE;
dn_status dn_cuda_give_outputs(dn_cuda *cuda, const dn_cuda_entry *e, const dn_native_call *call,
                               int set) DN_MUST_USE;
// At the end: dn_cuda_bring_home as far as the device still does it, the rest is lost.
void dn_cuda_let_go(dn_cuda *cuda);

dn_tensor_source dn_cuda_output_source(void);
dn_tensor_source dn_cuda_variable_source(void);

#endif
