// Private to winograd*.c: LOOP kernels under construction.
#ifndef DN_CODEGEN_KERNEL_WINOGRAD_LOOP_H
#define DN_CODEGEN_KERNEL_WINOGRAD_LOOP_H

#include "codegen/kernel/space.h"
#include "codegen/kernel/winograd.h"

enum { DN_WINO_SQUARE = DN_MOST_POINTS * DN_MOST_POINTS };

typedef struct dn_wino_loop {
    dn_kernels *out;
    dn_arena *arena;
    dn_building j;
    int64_t *begins;
    int cap_begins;
} dn_wino_loop;

// Axes first, outer to inner; then it is opened.
int dn_wino_axis_add(dn_wino_loop *l, int64_t size);
void dn_wino_open(dn_wino_loop *l, dn_kernels *out, dn_arena *arena, const char *name,
                  dn_span span);
void dn_wino_close(dn_wino_loop *l);  // appends the kernel

// The argument that is a buffer from element `begin` on.
int dn_wino_arg(dn_wino_loop *l, int buffer, int64_t begin);
int dn_wino_load(dn_wino_loop *l, int arg, const dn_access *at);
// value: -1 stands for 0.
void dn_wino_store(dn_wino_loop *l, int arg, int value, const dn_access *at);

// A square of values, row by row; -1 stands for 0.
typedef struct dn_wino_square {
    int rows, columns;
    int value[DN_WINO_SQUARE];
} dn_wino_square;

// M X N^T, where rows of M [m_rows, X's rows] and N [n_rows, X's columns] are DN_MOST_POINTS apart.
// `transposed`: of M^T and N^T, whose rows are then X's.
void dn_wino_transform(dn_wino_loop *l, const double *m, int m_rows, const double *n, int n_rows,
                       bool transposed, const dn_wino_square *x, dn_wino_square *out);

#endif
