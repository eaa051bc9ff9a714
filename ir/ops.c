// The op and attribute tables, expanded from ops.def and attrs.def.
#include <string.h>

#include "ir/graph.h"

// The rows spell gradient kinds and domains without their prefix.
static const dn_op_info ops[] = {
#define OP(ENUM, name, arity, attrs, grad, doc) \
    {name, arity, attrs, DN_GRAD_##grad, DN_CLASS_OTHER, DN_DOMAIN_ANY, false, doc},
#define UNARY(ENUM, name, domain, expr, grad, doc) \
    {name, 1, "", DN_GRAD_##grad, DN_CLASS_UNARY, DN_DOMAIN_##domain, false, doc},
#define RESULT_SAME false
#define RESULT_BOOL true
#define BINARY(ENUM, name, domain, result, expr, grad, doc) \
    {name, 2, "", DN_GRAD_##grad, DN_CLASS_BINARY, DN_DOMAIN_##domain, RESULT_##result, doc},
#include "ir/ops.def"
#undef OP
#undef UNARY
#undef BINARY
};

static const struct {
    const char *name;
    dn_attr_kind kind;
} attrs[] = {
#define ATTR(ENUM, name, kind) {name, DN_ATTR_##kind},
#include "ir/attrs.def"
#undef ATTR
};

const dn_op_info *dn_op_get(dn_op op) {
    DN_ASSERT((unsigned)op < DN_OP_COUNT, "no op %d", (int)op);
    return &ops[op];
}

static bool same_name(const char *whole, const char *text, size_t length) {
    return strlen(whole) == length && memcmp(whole, text, length) == 0;
}

bool dn_op_from_name(const char *name, size_t length, dn_op *op) {
    for (int i = 0; i < DN_OP_COUNT; i++) {
        if (!same_name(ops[i].name, name, length)) continue;
        *op = (dn_op)i;
        return true;
    }
    return false;
}

const char *dn_attr_name(dn_attr attr) { return attrs[attr].name; }

dn_attr_kind dn_attr_kind_of(dn_attr attr) { return attrs[attr].kind; }

bool dn_attr_from_name(const char *name, size_t length, dn_attr *attr) {
    for (int i = 0; i < DN_ATTR_COUNT; i++) {
        if (!same_name(attrs[i].name, name, length)) continue;
        *attr = (dn_attr)i;
        return true;
    }
    return false;
}

bool dn_attr_optional(dn_attr attr) { return attr == DN_ATTR_SEED; }

int dn_op_attrs(dn_op op, dn_attr out[DN_MAX_ATTRS]) {
    int count = 0;
    for (const char *at = ops[op].attrs; *at;) {
        size_t length = strcspn(at, " ");
        bool known = count < DN_MAX_ATTRS && dn_attr_from_name(at, length, &out[count]);
        DN_ASSERT(known, "ops.def: attributes of %s", ops[op].name);
        count++;
        at += length;
        at += strspn(at, " ");
    }
    return count;
}

bool dn_op_takes_type(dn_op op) {
    switch (op) {
        case DN_OP_INPUT:
        case DN_OP_VAR:
        case DN_OP_CONST:
        case DN_OP_IOTA:
        case DN_OP_UNIFORM:
        case DN_OP_NORMAL:
        case DN_OP_CAST:
        case DN_OP_BROADCAST:
        case DN_OP_RESHAPE:
        case DN_OP_WINDOW_SUM:
        case DN_OP_SCATTER_ADD:
        case DN_OP_CONV_INPUT:
        case DN_OP_CONV_WEIGHT: return true;
        default: return false;
    }
}
