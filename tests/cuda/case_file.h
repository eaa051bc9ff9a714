// A file of cases for a GPU: code, operands, and what should come of them. It is made where the
// compiler is (make_cases.c) and run where the GPU is (run_cases.c).
//
// Batches, each: the program (dn_program_encode), its code (dn_cuda_image_encode), then a case for
// each of its entries. Numbers are the machine's own, 64 bits wide.
#ifndef DN_TESTS_CUDA_CASE_FILE_H
#define DN_TESTS_CUDA_CASE_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/tensor.h"

// A result that is right if |have - want| <= allowed at every element; infinite: not compared.
typedef struct case_result {
    dn_tensor *want;
    double *allowed;  // of each element
} case_result;

typedef struct gpu_case {
    char *name, *text;  // the graph, to be shown when it fails
    uint64_t seed, step;
    int n_inputs, n_vars, n_outputs;
    dn_tensor **inputs, **vars;
    case_result *results;  // outputs, then the variables' new values
} gpu_case;

// ---- writing ----

static inline void put(FILE *file, const void *bytes, size_t size) {
    if (size && fwrite(bytes, 1, size, file) != size) {
        perror("cannot write the cases");
        exit(2);
    }
}

static inline void put_number(FILE *file, int64_t number) { put(file, &number, sizeof number); }

static inline void put_block(FILE *file, const void *bytes, size_t size) {
    put_number(file, (int64_t)size);
    put(file, bytes, size);
}

static inline void put_tensor(FILE *file, const dn_tensor *t) {
    put_number(file, t->dtype);
    put_number(file, t->shape.rank);
    for (int i = 0; i < t->shape.rank; i++) put_number(file, t->shape.dims[i]);
    put_block(file, t->data, t->bytes);
}

static inline void put_case(FILE *file, const gpu_case *c) {
    put_block(file, c->name, strlen(c->name));
    put_block(file, c->text, strlen(c->text));
    put(file, &c->seed, sizeof c->seed);
    put(file, &c->step, sizeof c->step);
    put_number(file, c->n_inputs);
    put_number(file, c->n_vars);
    put_number(file, c->n_outputs);
    for (int i = 0; i < c->n_inputs; i++) put_tensor(file, c->inputs[i]);
    for (int i = 0; i < c->n_vars; i++) put_tensor(file, c->vars[i]);
    for (int i = 0; i < c->n_outputs + c->n_vars; i++) {
        const dn_tensor *want = c->results[i].want;
        put_tensor(file, want);
        put(file, c->results[i].allowed, (size_t)dn_shape_elements(&want->shape) * sizeof(double));
    }
}

// ---- reading ----

static inline void take(FILE *file, void *bytes, size_t size) {
    if (size && fread(bytes, 1, size, file) != size) {
        fprintf(stderr, "the file of cases is cut off\n");
        exit(2);
    }
}

static inline int64_t take_number(FILE *file) {
    int64_t number;
    take(file, &number, sizeof number);
    return number;
}

// NUL-terminated.
static inline char *take_block(FILE *file, size_t *size) {
    *size = (size_t)take_number(file);
    char *bytes = dn_xmalloc(*size + 1);
    take(file, bytes, *size);
    bytes[*size] = 0;
    return bytes;
}

static inline dn_tensor *take_tensor(FILE *file) {
    dn_tensor *tensor = NULL;
    dn_dtype dtype = (dn_dtype)take_number(file);
    dn_shape shape = {.rank = (int)take_number(file)};
    for (int i = 0; i < shape.rank; i++) shape.dims[i] = take_number(file);
    dn_status status = dn_tensor_new(dtype, &shape, &tensor);
    if (status || take_number(file) != (int64_t)tensor->bytes) {
        fprintf(stderr, "the file of cases is damaged\n");
        exit(2);
    }
    take(file, tensor->data, tensor->bytes);
    return tensor;
}

static inline void take_case(FILE *file, gpu_case *c) {
    size_t size;
    c->name = take_block(file, &size);
    c->text = take_block(file, &size);
    take(file, &c->seed, sizeof c->seed);
    take(file, &c->step, sizeof c->step);
    c->n_inputs = (int)take_number(file);
    c->n_vars = (int)take_number(file);
    c->n_outputs = (int)take_number(file);
    c->inputs = dn_xcalloc((size_t)c->n_inputs + 1, sizeof *c->inputs);
    c->vars = dn_xcalloc((size_t)c->n_vars + 1, sizeof *c->vars);
    c->results = dn_xcalloc((size_t)(c->n_outputs + c->n_vars) + 1, sizeof *c->results);
    for (int i = 0; i < c->n_inputs; i++) c->inputs[i] = take_tensor(file);
    for (int i = 0; i < c->n_vars; i++) c->vars[i] = take_tensor(file);
    for (int i = 0; i < c->n_outputs + c->n_vars; i++) {
        case_result *r = &c->results[i];
        r->want = take_tensor(file);
        size_t bytes = (size_t)dn_shape_elements(&r->want->shape) * sizeof *r->allowed;
        r->allowed = dn_xmalloc(bytes + 1);
        take(file, r->allowed, bytes);
    }
}

// Inputs and variables are as dn_tensor_release leaves NULL ones: they may be gone already.
static inline void free_gpu_case(gpu_case *c) {
    for (int i = 0; i < c->n_inputs; i++) dn_tensor_release(c->inputs[i]);
    for (int i = 0; i < c->n_vars; i++) dn_tensor_release(c->vars[i]);
    for (int i = 0; i < c->n_outputs + c->n_vars; i++) {
        dn_tensor_release(c->results[i].want);
        free(c->results[i].allowed);
    }
    free(c->name);
    free(c->text);
    free(c->inputs);
    free(c->vars);
    free(c->results);
}

#endif
