// einsum("nij,njk->nik", a, b): a contraction written by the letters of its axes.
//
// Letters in both operands and the result are batch axes, letters in both but not in the result are
// contracted, the others are free; a letter of one operand alone that the result lacks is summed
// first.
#include <ctype.h>
#include <string.h>

#include "frontend/build.h"

typedef struct labels {
    char text[DN_MAX_RANK + 1];
    int count;
} labels;

dn_term dn_builtin_einsum(dn_build *b, const dn_call *c);

static bool read_labels(const char **text, labels *out) {
    out->count = 0;
    for (; isalpha((unsigned char)**text); (*text)++) {
        if (out->count == DN_MAX_RANK || memchr(out->text, **text, (size_t)out->count))
            return false;
        out->text[out->count++] = **text;
    }
    out->text[out->count] = 0;
    return true;
}

static bool parse(const char *text, labels in[2], labels *out) {
    if (!read_labels(&text, &in[0]) || *text++ != ',') return false;
    while (*text == ' ') text++;
    if (!read_labels(&text, &in[1]) || strncmp(text, "->", 2) != 0) return false;
    text += 2;
    return read_labels(&text, out) && *text == 0;
}

static int find(const labels *l, char c) {
    const char *p = memchr(l->text, c, (size_t)l->count);
    return p ? (int)(p - l->text) : -1;
}

// Sums the axes of x whose letters nothing else has.
static dn_node *sum_lonely(dn_build *b, dn_node *x, labels *own, const labels *other,
                           const labels *out, dn_span span) {
    dn_dim axes[DN_MAX_RANK];
    labels kept = {0};
    int n = 0;
    for (int i = 0; i < own->count; i++) {
        if (find(other, own->text[i]) < 0 && find(out, own->text[i]) < 0) {
            axes[n++] = i;
        } else {
            kept.text[kept.count++] = own->text[i];
        }
    }
    if (n == 0) return x;
    *own = kept;
    dn_attr_value attr = dn_attr_dims(DN_ATTR_AXES, n, axes);
    return dn_op_node(b, DN_OP_REDUCE_SUM, &x, 1, &attr, 1, NULL, span);
}

static dn_node *reorder(dn_build *b, dn_node *x, const labels *have, const labels *want,
                        dn_span span) {
    dn_dim axes[DN_MAX_RANK];
    bool same = true;
    for (int i = 0; i < want->count; i++) {
        axes[i] = find(have, want->text[i]);
        same &= axes[i] == i;
    }
    if (same) return x;
    dn_attr_value attr = dn_attr_dims(DN_ATTR_AXES, want->count, axes);
    return dn_op_node(b, DN_OP_TRANSPOSE, &x, 1, &attr, 1, NULL, span);
}

static bool check_letters(dn_build *b, const dn_call *c, dn_node *const in[2], const labels l[2],
                          const labels *out) {
    for (int i = 0; i < 2; i++) {
        if (in[i]->type.rank == l[i].count) continue;
        dn_build_error(b, c->spans[1 + i], "einsum: `%s` names %d axes, and the tensor is %s",
                       l[i].text, l[i].count, dn_describe(b, &c->args[1 + i]));
        return false;
    }
    for (int i = 0; i < out->count; i++) {
        if (find(&l[0], out->text[i]) >= 0 || find(&l[1], out->text[i]) >= 0) continue;
        dn_build_error(b, c->spans[0], "einsum: the result has `%c`, which no operand has",
                       out->text[i]);
        return false;
    }
    return true;
}

dn_term dn_builtin_einsum(dn_build *b, const dn_call *c) {
    labels l[2], out, have = {0};
    dn_term error = dn_term_of(DN_TERM_ERROR);
    if (c->args[0].kind != DN_TERM_STRING || !parse(c->args[0].string, l, &out))
        return dn_build_fail(
            b, c->spans[0],
            "einsum needs indices such as \"nij,njk->nik\", each letter once in a group");
    dn_node *in[2];
    for (int i = 0; i < 2; i++)
        if (!(in[i] = dn_to_node(b, c->args[1 + i], NULL, c->spans[1 + i]))) return error;
    if (!check_letters(b, c, in, l, &out)) return error;
    in[0] = sum_lonely(b, in[0], &l[0], &l[1], &out, c->span);
    in[1] = sum_lonely(b, in[1], &l[1], &l[0], &out, c->span);
    if (!in[0] || !in[1]) return error;
    dn_dim batch[2][DN_MAX_RANK], contract[2][DN_MAX_RANK];
    int n_batch = 0, n_contract = 0;
    for (int i = 0; i < l[0].count; i++) {
        int k = find(&l[1], l[0].text[i]);
        if (k < 0) continue;
        bool kept = find(&out, l[0].text[i]) >= 0;
        dn_dim(*lists)[DN_MAX_RANK] = kept ? batch : contract;
        int *n = kept ? &n_batch : &n_contract;
        lists[0][*n] = i;
        lists[1][(*n)++] = k;
        if (kept) have.text[have.count++] = l[0].text[i];
    }
    for (int side = 0; side < 2; side++)
        for (int i = 0; i < l[side].count; i++)
            if (find(&l[1 - side], l[side].text[i]) < 0) have.text[have.count++] = l[side].text[i];
    dn_attr_value attrs[] = {dn_attr_dims(DN_ATTR_LHS_BATCH, n_batch, batch[0]),
                             dn_attr_dims(DN_ATTR_RHS_BATCH, n_batch, batch[1]),
                             dn_attr_dims(DN_ATTR_LHS_CONTRACT, n_contract, contract[0]),
                             dn_attr_dims(DN_ATTR_RHS_CONTRACT, n_contract, contract[1])};
    dn_node *node = dn_op_node(b, DN_OP_DOT, in, 2, attrs, 4, NULL, c->span);
    if (node) node = reorder(b, node, &have, &out, c->span);
    return node ? dn_term_tensor(node) : error;
}
