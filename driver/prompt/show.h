// Values as the prompt shows them: the type and the shape first. What `print` shows is another
// thing, runtime/host/print.c: there the text is the program's output.
#ifndef DN_PROMPT_SHOW_H
#define DN_PROMPT_SHOW_H

#include "driver/prompt/style.h"
#include "frontend/layers.h"
#include "runtime/host/value.h"

// Appends lines. Nothing for `none`.
void dn_show_value(const dn_style *style, const dn_value *value, dn_str *out);
// A tensor with its header: numbers aligned, long axes cut, statistics if it is not shown whole.
void dn_show_tensor(const dn_style *style, const dn_tensor *tensor, dn_str *out);
// "f32[64, 10]  min -1.2  mean 0.01  max 3.4": a tensor in one line.
void dn_show_tensor_line(const dn_style *style, const dn_tensor *tensor, dn_str *out);
// The layers of a net as a table, with totals.
void dn_show_network(const dn_style *style, const dn_dims *dims, const char *name,
                     const dn_network *network, dn_str *out);

typedef struct dn_statistics {
    int64_t count, nans, infinities;  // elements in all
    double min, max, mean, std;       // of the finite ones
} dn_statistics;

dn_statistics dn_tensor_statistics(const dn_tensor *tensor);

#endif
