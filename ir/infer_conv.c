// Shape rules of convolutions and sliding windows.
//
// Along one spatial axis, with input size S, kernel K, padding lo and hi (negative: cropping):
//   O = floor((S + lo + hi - (dilation (K - 1) + 1)) / stride) + 1
#include <stdlib.h>

#include "ir/infer.h"

enum { FIRST_SPATIAL = 1 };  // axis 0 is the batch, the last one the channels

// The spatial axes of an op: arrays of n entries. lo and hi are NULL where there is no padding.
typedef struct spatial {
    int n;
    const dn_dim *kernel, *stride, *lo, *hi, *dilation;
} spatial;

static const char *axis_name(dn_call *call, int n, int i) {
    static const char *const names[] = {"depth", "height", "width"};
    if (n == 1) return "length";
    if (n <= 3) return names[3 - n + i];
    return dn_arena_printf(&call->scratch, "axis %d", FIRST_SPATIAL + i);
}

// ---- the arithmetic of one axis -------------------------------------------------------------

static dn_dim padding(dn_call *call, const spatial *s, int i) {
    return s->lo ? dn_dim_add(call->dims, s->lo[i], s->hi[i]) : 0;
}

// How far a kernel reaches: dilation (K - 1) + 1.
static dn_dim extent(dn_call *call, const spatial *s, int i) {
    dn_dim steps = dn_dim_sub(call->dims, s->kernel[i], 1);
    return dn_dim_add(call->dims, dn_dim_mul(call->dims, s->dilation[i], steps), 1);
}

static dn_dim output_size(dn_call *call, const spatial *s, int i, dn_dim size) {
    dn_dim room = dn_dim_add(call->dims, size, padding(call, s, i));
    room = dn_dim_sub(call->dims, room, extent(call, s, i));
    return dn_dim_add(call->dims, dn_dim_div(call->dims, room, s->stride[i]), 1);
}

// "14 + 1 + 2 - 5": the room in which the kernel moves
static const char *show_room(dn_call *call, const spatial *s, int i, dn_dim size) {
    dn_arena *arena = &call->scratch;
    const char *room = dn_call_dim(call, size), *kernel = dn_call_dim(call, s->kernel[i]);
    if (s->lo)
        room = dn_arena_printf(arena, "%s + %s + %s", room, dn_call_dim(call, s->lo[i]),
                               dn_call_dim(call, s->hi[i]));
    if (s->dilation[i] == 1 && dn_dim_known(s->kernel[i]))
        return dn_arena_printf(arena, "%s - %s", room, kernel);
    return dn_arena_printf(arena, "%s - (%s * (%s - 1) + 1)", room,
                           dn_call_dim(call, s->dilation[i]), kernel);
}

static void show_axis(dn_call *call, const spatial *s, int i, dn_dim size, dn_str *out) {
    const char *stride = dn_call_dim(call, s->stride[i]);
    dn_str_printf(out, "%s: input %s, kernel %s, stride %s, ", axis_name(call, s->n, i),
                  dn_call_dim(call, size), dn_call_dim(call, s->kernel[i]), stride);
    if (s->lo)
        dn_str_printf(out, "padding %s + %s, ", dn_call_dim(call, s->lo[i]),
                      dn_call_dim(call, s->hi[i]));
    dn_str_printf(out, "dilation %s: floor((%s) / %s) + 1 = %s", dn_call_dim(call, s->dilation[i]),
                  show_room(call, s, i, size), stride,
                  dn_call_dim(call, output_size(call, s, i, size)));
}

// Puts the arithmetic of all axes under a failure.
static dn_status with_arithmetic(dn_call *call, dn_status status, const spatial *s,
                                 const dn_type *x) {
    dn_str text = {0};
    for (int i = 0; i < s->n; i++) {
        if (i) dn_str_puts(&text, "; ");
        show_axis(call, s, i, x->dims[FIRST_SPATIAL + i], &text);
    }
    char *note = dn_str_take(&text);
    status = dn_with_note(status, "%s", note);
    free(note);
    return status;
}

// ---- spatial attributes ---------------------------------------------------------------------

static dn_status check_spatial(dn_call *call, const spatial *s) {
    DN_TRY(dn_check_entries(call, DN_ATTR_STRIDE, s->n, 1));
    DN_TRY(dn_check_entries(call, DN_ATTR_DILATION, s->n, 1));
    if (!s->lo) return dn_check_entries(call, DN_ATTR_KERNEL, s->n, 1);
    DN_TRY(dn_check_entries(call, DN_ATTR_LO, s->n, INT64_MIN));
    return dn_check_entries(call, DN_ATTR_HI, s->n, INT64_MIN);
}

// Output sizes of x [N, S..., C], which must not be empty.
static dn_status slide(dn_call *call, const spatial *s, const dn_type *x, dn_dim *out) {
    for (int i = 0; i < s->n; i++) {
        out[i] = output_size(call, s, i, x->dims[FIRST_SPATIAL + i]);
        if (!dn_dim_below(out[i], 1)) continue;
        dn_status status = dn_fail(DN_INVALID, "%s: the kernel is larger than the input, %s",
                                   call->name, dn_call_type(call, x));
        status = with_arithmetic(call, status, s, x);
        return dn_with_hint(status, "use a smaller kernel or dilation%s",
                            s->lo ? ", or more padding" : "");
    }
    return DN_SUCCESS;
}

static dn_status check_image(dn_call *call, const dn_type *x) {
    DN_TRY(dn_check_domain(call, DN_DOMAIN_NUMERIC, x->dtype));
    if (x->rank >= 3) return DN_SUCCESS;
    dn_status status =
        dn_fail(DN_INVALID, "%s needs an input [N, S..., C] of rank 3 or more, not %s", call->name,
                dn_call_type(call, x));
    return dn_with_note(status, "batch first, then the spatial axes, channels last");
}

// ---- convolution ----------------------------------------------------------------------------

static dn_status check_kernel(dn_call *call, const dn_type *x, const dn_type *w) {
    if (x->rank != w->rank) {
        dn_status status =
            dn_fail(DN_INVALID, "%s: the kernel must have the input's rank: %s and %s", call->name,
                    dn_call_type(call, x), dn_call_type(call, w));
        return dn_with_note(status, "input [N, S..., C], kernel [K..., C / groups, F]");
    }
    for (int i = 0; i < x->rank - 2; i++)
        if (dn_dim_below(w->dims[i], 1))
            return dn_fail(DN_INVALID, "%s: the kernel %s is empty", call->name,
                           dn_call_type(call, w));
    return DN_SUCCESS;
}

static dn_status check_channels(dn_call *call, const dn_type *x, const dn_type *w) {
    int64_t groups = dn_call_int(call, DN_ATTR_GROUPS);
    if (groups < 1 || !dn_dim_known(groups))
        return dn_fail(DN_INVALID, "%s: groups must be at least 1, and is %lld", call->name,
                       (long long)groups);
    dn_dim have = x->dims[x->rank - 1], filters = w->dims[w->rank - 1];
    dn_dim want = dn_dim_mul(call->dims, w->dims[w->rank - 2], groups);
    if (have != want) {
        dn_status status = dn_fail(DN_INVALID, "%s: channels differ: input %s, kernel %s",
                                   call->name, dn_call_type(call, x), dn_call_type(call, w));
        return dn_with_note(status,
                            "the input has %s channels (its last axis), the kernel wants %s "
                            "(groups %lld)",
                            dn_call_dim(call, have), dn_call_dim(call, want), (long long)groups);
    }
    if (dn_dim_known(filters) && filters % groups != 0)
        return dn_fail(DN_INVALID, "%s: %lld filters cannot be split into %lld groups", call->name,
                       (long long)filters, (long long)groups);
    return DN_SUCCESS;
}

// The type of conv(x [N, S..., C], w [K..., C / groups, F]) with the call's attributes.
static dn_status convolve(dn_call *call, const dn_type *x, const dn_type *w, spatial *s,
                          dn_type *out) {
    *s = (spatial){.n = x->rank - 2,
                   .kernel = w->dims,
                   .stride = dn_call_dims(call, DN_ATTR_STRIDE, NULL),
                   .lo = dn_call_dims(call, DN_ATTR_LO, NULL),
                   .hi = dn_call_dims(call, DN_ATTR_HI, NULL),
                   .dilation = dn_call_dims(call, DN_ATTR_DILATION, NULL)};
    DN_TRY(check_image(call, x));
    DN_TRY(dn_check_same_dtype(call, x, w));
    DN_TRY(check_kernel(call, x, w));
    DN_TRY(check_spatial(call, s));
    DN_TRY(check_channels(call, x, w));
    *out = *x;
    DN_TRY(slide(call, s, x, out->dims + FIRST_SPATIAL));
    out->dims[x->rank - 1] = w->dims[w->rank - 1];
    return DN_SUCCESS;
}

// The adjoints: conv(x, w) must be y.
static dn_status check_adjoint(dn_call *call, const dn_type *x, const dn_type *w,
                               const dn_type *y) {
    spatial s;
    dn_type forward;
    DN_TRY(convolve(call, x, w, &s, &forward));
    if (dn_type_equal(&forward, y)) return DN_SUCCESS;
    dn_status status = dn_fail(DN_INVALID, "%s: a conv of %s with %s is %s, not %s", call->name,
                               dn_call_type(call, x), dn_call_type(call, w),
                               dn_call_type(call, &forward), dn_call_type(call, y));
    return with_arithmetic(call, status, &s, x);
}

dn_status dn_infer_CONV(dn_call *call, dn_type *out) {
    spatial s;
    return convolve(call, dn_call_in(call, 0), dn_call_in(call, 1), &s, out);
}

dn_status dn_infer_CONV_INPUT(dn_call *call, dn_type *out) {
    *out = *call->type;
    return check_adjoint(call, call->type, dn_call_in(call, 1), dn_call_in(call, 0));
}

dn_status dn_infer_CONV_WEIGHT(dn_call *call, dn_type *out) {
    *out = *call->type;
    return check_adjoint(call, dn_call_in(call, 0), call->type, dn_call_in(call, 1));
}

// ---- windows --------------------------------------------------------------------------------

// [N, O..., K..., C]: the patches of x [N, S..., C].
static dn_status patches(dn_call *call, const dn_type *x, spatial *s, dn_type *out) {
    *s = (spatial){.n = x->rank - 2,
                   .kernel = dn_call_dims(call, DN_ATTR_KERNEL, NULL),
                   .stride = dn_call_dims(call, DN_ATTR_STRIDE, NULL),
                   .dilation = dn_call_dims(call, DN_ATTR_DILATION, NULL)};
    DN_TRY(check_image(call, x));
    DN_TRY(check_spatial(call, s));
    DN_TRY(dn_check_rank(call, 2 + 2 * s->n));
    *out = dn_type_of(x->dtype, 1, x->dims);
    DN_TRY(slide(call, s, x, out->dims + FIRST_SPATIAL));
    out->rank += s->n;
    for (int i = 0; i < s->n; i++) out->dims[out->rank++] = s->kernel[i];
    out->dims[out->rank++] = x->dims[x->rank - 1];
    return DN_SUCCESS;
}

dn_status dn_infer_WINDOW(dn_call *call, dn_type *out) {
    spatial s;
    return patches(call, dn_call_in(call, 0), &s, out);
}

dn_status dn_infer_WINDOW_SUM(dn_call *call, dn_type *out) {
    spatial s;
    dn_type forward;
    DN_TRY(patches(call, call->type, &s, &forward));
    const dn_type *given = dn_call_in(call, 0);
    if (!dn_type_equal(&forward, given)) {
        dn_status status = dn_fail(DN_INVALID, "window_sum: the windows of %s are %s, not %s",
                                   dn_call_type(call, call->type), dn_call_type(call, &forward),
                                   dn_call_type(call, given));
        return with_arithmetic(call, status, &s, call->type);
    }
    *out = *call->type;
    return DN_SUCCESS;
}
