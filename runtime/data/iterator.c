// The iterator: worker threads that fill a ring of slots ahead of the caller.
//
// Element k goes to slot k % n_slots. Workers take pieces of work (some parts of one element) in
// order, make them without holding the lock, and count them off; the caller waits for the slot of
// the element that comes next, so elements are handed out in order whoever finishes first. Which
// worker makes what cannot be seen in the result: an element is a pure function of its index.
//
// The slot that was handed out last is given back at the next call. If the caller kept a reference
// to one of its tensors, the slot takes another tensor, from those that were lent out before and
// are free again, if there are any: a caller that always holds the last few batches costs no
// allocation either.
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/data/node.h"

enum { MAX_WORKERS = 256, LIGHT_PARTS = 64, MAX_LENT = 32 };

typedef struct slot {
    dn_tensor *fields[DN_MAX_FIELDS];
    int64_t missing;  // parts that are not made yet
    dn_status error;  // of the first part (by number) that failed
    int64_t error_part;
} slot;

typedef struct worker {
    dn_iterator *iterator;
    pthread_t thread;
    void **scratch;
} worker;

struct dn_iterator {
    dn_dataset *dataset;
    const dn_dataset **nodes;  // by depth
    int n_nodes;
    uint64_t seed, epoch;
    void **shared;
    size_t part_bytes[DN_MAX_FIELDS];
    int64_t grain;  // parts in a piece of work

    pthread_mutex_t lock;
    pthread_cond_t work;  // there may be work, or the end
    pthread_cond_t done;  // an element is complete, or the last piece of work returned
    bool stop;
    int busy;            // workers that are making something
    int64_t next, part;  // the next piece of work
    int64_t end;         // elements in this epoch
    int64_t position;    // elements handed out
    bool holding;        // the caller has element position - 1

    slot *slots;
    int n_slots;
    dn_tensor *lent[MAX_LENT];  // tensors that a caller kept; we keep a reference too
    int lent_field[MAX_LENT], n_lent;

    worker *workers;
    int n_workers, n_started;
};

// ---- Workers ----------------------------------------------------------------------------------

typedef struct piece {
    slot *slot;
    int64_t element, begin, end;
} piece;

// The first element whose slot is not free: the one that the caller holds, or waits for.
static int64_t oldest(const dn_iterator *it) { return it->position - it->holding; }

// With the lock held. False: nothing to do now.
static bool take_piece(dn_iterator *it, piece *p) {
    if (it->next >= it->end || it->next >= oldest(it) + it->n_slots) return false;
    int64_t parts = it->dataset->parts;
    *p = (piece){.slot = &it->slots[it->next % it->n_slots],
                 .element = it->next,
                 .begin = it->part,
                 .end = it->part + it->grain < parts ? it->part + it->grain : parts};
    if (p->begin == 0) p->slot->missing = parts;
    it->part = p->end;
    if (it->part == parts) {
        it->next++;
        it->part = 0;
    }
    return true;
}

static dn_status make_piece(dn_iterator *it, dn_work *work, const piece *p, int64_t *failed) {
    void *out[DN_MAX_FIELDS];
    for (int64_t part = p->begin; part < p->end; part++) {
        for (int f = 0; f < it->dataset->n_fields; f++)
            out[f] = (char *)p->slot->fields[f]->data + (size_t)part * it->part_bytes[f];
        *failed = part;
        DN_TRY(dn_node_produce(it->dataset, work, p->element, part, out));
    }
    return DN_SUCCESS;
}

// With the lock held. Of several errors the first part's is kept, so that it is the same each time.
static void finish_piece(dn_iterator *it, const piece *p, dn_status status, int64_t failed) {
    slot *s = p->slot;
    if (status && (!s->error || failed < s->error_part)) {
        dn_status_free(s->error);
        s->error = status;
        s->error_part = failed;
    } else {
        dn_status_free(status);
    }
    s->missing -= p->end - p->begin;
    it->busy--;
    if (s->missing == 0 || it->busy == 0) pthread_cond_signal(&it->done);
}

static void *worker_main(void *arg) {
    worker *w = arg;
    dn_iterator *it = w->iterator;
    pthread_mutex_lock(&it->lock);
    while (!it->stop) {
        piece p;
        if (!take_piece(it, &p)) {
            pthread_cond_wait(&it->work, &it->lock);
            continue;
        }
        it->busy++;
        dn_work work = {
            .seed = it->seed, .epoch = it->epoch, .shared = it->shared, .scratch = w->scratch};
        pthread_mutex_unlock(&it->lock);
        int64_t failed = 0;
        dn_status status = make_piece(it, &work, &p, &failed);
        pthread_mutex_lock(&it->lock);
        finish_piece(it, &p, status, failed);
    }
    pthread_mutex_unlock(&it->lock);
    return NULL;
}

static dn_status worker_start(worker *w, dn_iterator *it) {
    w->iterator = it;
    w->scratch = dn_xcalloc((size_t)it->n_nodes, sizeof *w->scratch);
    for (int i = 0; i < it->n_nodes; i++) {
        const dn_dataset *d = it->nodes[i];
        if (d->kind->scratch_new) DN_TRY(d->kind->scratch_new(d, &w->scratch[i]));
    }
    // Signals are the main thread's.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&w->thread, NULL, worker_main, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) return dn_fail(DN_MEMORY, "cannot start a thread to load data");
    it->n_started++;
    return DN_SUCCESS;
}

static int usable_processors(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int n = CPU_COUNT(&set);
    return n < 1 ? 1 : n;
}

// ---- Life -------------------------------------------------------------------------------------

static dn_status make_slots(dn_iterator *it) {
    const dn_dataset *d = it->dataset;
    int64_t ahead = d->ahead;
    if (!ahead) {
        ahead = DN_DATA_AHEAD;
        if (d->parts == 1 && ahead < 2 * it->n_workers) ahead = 2 * it->n_workers;
    }
    if (ahead > d->size) ahead = d->size;
    it->slots = dn_xcalloc((size_t)ahead + 1, sizeof *it->slots);
    it->n_slots = (int)ahead + 1;
    for (int s = 0; s < it->n_slots; s++)
        for (int f = 0; f < d->n_fields; f++)
            DN_TRY(dn_tensor_new(d->fields[f].dtype, &d->fields[f].shape, &it->slots[s].fields[f]));
    return DN_SUCCESS;
}

static dn_status start(dn_iterator *it, int workers) {
    dn_dataset *d = it->dataset;
    it->n_nodes = d->depth + 1;
    it->nodes = dn_xcalloc((size_t)it->n_nodes, sizeof *it->nodes);
    it->shared = dn_xcalloc((size_t)it->n_nodes, sizeof *it->shared);
    bool heavy = false;
    for (const dn_dataset *node = d; node; node = node->input) {
        it->nodes[node->depth] = node;
        heavy = heavy || node->kind->heavy;
        if (node->kind->shared_new) DN_TRY(node->kind->shared_new(node, &it->shared[node->depth]));
    }
    it->grain = heavy ? 1 : LIGHT_PARTS;
    for (int f = 0; f < d->n_fields; f++) it->part_bytes[f] = dn_node_part_bytes(d, f);
    if (workers <= 0) workers = usable_processors();
    it->n_workers = workers < MAX_WORKERS ? workers : MAX_WORKERS;
    DN_TRY(make_slots(it));
    it->workers = dn_xcalloc((size_t)it->n_workers, sizeof *it->workers);
    for (int i = 0; i < it->n_workers; i++) DN_TRY(worker_start(&it->workers[i], it));
    return DN_SUCCESS;
}

dn_status dn_iterator_new(dn_dataset *dataset, uint64_t seed, uint64_t epoch, int64_t position,
                          int workers, dn_iterator **out) {
    dn_iterator *it = dn_xcalloc(1, sizeof *it);
    it->dataset = dn_dataset_retain(dataset);
    it->seed = seed;
    pthread_mutex_init(&it->lock, NULL);
    pthread_cond_init(&it->work, NULL);
    pthread_cond_init(&it->done, NULL);
    dn_status status = start(it, workers);
    if (!status) status = dn_iterator_restart(it, epoch, position);
    if (status)
        dn_iterator_free(it);
    else
        *out = it;
    return status;
}

static void stop_workers(dn_iterator *it) {
    pthread_mutex_lock(&it->lock);
    it->stop = true;
    pthread_cond_broadcast(&it->work);
    pthread_mutex_unlock(&it->lock);
    for (int i = 0; i < it->n_started; i++) pthread_join(it->workers[i].thread, NULL);
}

static void free_scratch(dn_iterator *it, void **scratch) {
    for (int i = 0; scratch && i < it->n_nodes; i++)
        if (scratch[i]) it->nodes[i]->kind->scratch_free(scratch[i]);
    free(scratch);
}

void dn_iterator_free(dn_iterator *it) {
    if (!it) return;
    stop_workers(it);
    for (int i = 0; it->workers && i < it->n_workers; i++) free_scratch(it, it->workers[i].scratch);
    free(it->workers);
    for (int s = 0; s < it->n_slots; s++) {
        for (int f = 0; f < DN_MAX_FIELDS; f++) dn_tensor_release(it->slots[s].fields[f]);
        dn_status_free(it->slots[s].error);
    }
    free(it->slots);
    for (int i = 0; i < it->n_lent; i++) dn_tensor_release(it->lent[i]);
    for (int i = 0; it->shared && i < it->n_nodes; i++) free(it->shared[i]);
    free(it->shared);
    free(it->nodes);
    pthread_mutex_destroy(&it->lock);
    pthread_cond_destroy(&it->work);
    pthread_cond_destroy(&it->done);
    dn_dataset_release(it->dataset);
    free(it);
}

// ---- Lent tensors -----------------------------------------------------------------------------

static bool only_ours(const dn_tensor *tensor) {
    return __atomic_load_n(&tensor->references, __ATOMIC_ACQUIRE) == 1;
}

static dn_tensor *take_lent(dn_iterator *it, int field) {
    for (int i = 0; i < it->n_lent; i++) {
        if (it->lent_field[i] != field || !only_ours(it->lent[i])) continue;
        dn_tensor *tensor = it->lent[i];
        it->n_lent--;
        it->lent[i] = it->lent[it->n_lent];
        it->lent_field[i] = it->lent_field[it->n_lent];
        return tensor;
    }
    return NULL;
}

// Beyond MAX_LENT a kept tensor is simply the caller's.
static void lend(dn_iterator *it, int field, dn_tensor *tensor) {
    if (it->n_lent == MAX_LENT) {
        dn_tensor_release(tensor);
        return;
    }
    it->lent[it->n_lent] = tensor;
    it->lent_field[it->n_lent++] = field;
}

// Makes sure that nobody else sees the slot's tensors. On failure the slot keeps what it has.
static dn_status own_slot(dn_iterator *it, slot *s) {
    for (int f = 0; f < it->dataset->n_fields; f++) {
        const dn_field *field = &it->dataset->fields[f];
        if (only_ours(s->fields[f])) continue;
        dn_tensor *other = take_lent(it, f);
        if (!other) DN_TRY(dn_tensor_new(field->dtype, &field->shape, &other));
        lend(it, f, s->fields[f]);
        s->fields[f] = other;
    }
    return DN_SUCCESS;
}

// Gives the last element's slot back to the workers.
static dn_status give_back(dn_iterator *it) {
    if (!it->holding) return DN_SUCCESS;
    DN_TRY(own_slot(it, &it->slots[(it->position - 1) % it->n_slots]));
    it->holding = false;
    return DN_SUCCESS;
}

// ---- Iteration --------------------------------------------------------------------------------

// Lets the workers come to rest, with nothing more to do.
static void drain(dn_iterator *it) {
    it->end = 0;
    while (it->busy > 0) pthread_cond_wait(&it->done, &it->lock);
    for (int s = 0; s < it->n_slots; s++) {
        dn_status_free(it->slots[s].error);
        it->slots[s].error = DN_SUCCESS;
    }
}

static void fill_shared(dn_iterator *it) {
    for (int i = 0; i < it->n_nodes; i++) {
        const dn_node_kind *kind = it->nodes[i]->kind;
        if (kind->shared_fill) kind->shared_fill(it->nodes[i], it->seed, it->epoch, it->shared[i]);
    }
}

static dn_status restart_locked(dn_iterator *it, uint64_t epoch, int64_t position) {
    drain(it);
    DN_TRY(give_back(it));
    it->epoch = epoch;
    fill_shared(it);
    it->position = it->next = position;
    it->part = 0;
    it->end = it->dataset->size;
    pthread_cond_broadcast(&it->work);
    return DN_SUCCESS;
}

dn_status dn_iterator_restart(dn_iterator *it, uint64_t epoch, int64_t position) {
    if (position < 0 || position > it->dataset->size)
        return dn_fail(DN_INVALID, "position %lld in an epoch of %lld elements",
                       (long long)position, (long long)it->dataset->size);
    pthread_mutex_lock(&it->lock);
    dn_status status = restart_locked(it, epoch, position);
    pthread_mutex_unlock(&it->lock);
    return status;
}

// True when element `position` is complete: the workers are past it and no part is missing.
static bool ready(const dn_iterator *it, const slot *s) {
    return it->next > it->position && s->missing == 0;
}

static dn_status next_locked(dn_iterator *it, dn_tensor **fields, bool *done) {
    DN_TRY(give_back(it));
    pthread_cond_broadcast(&it->work);
    *done = it->position >= it->end;
    if (*done) return DN_SUCCESS;
    slot *s = &it->slots[it->position % it->n_slots];
    while (!ready(it, s)) pthread_cond_wait(&it->done, &it->lock);
    it->position++;
    it->holding = true;
    dn_status status = s->error;
    s->error = DN_SUCCESS;
    if (!status) memcpy(fields, s->fields, (size_t)it->dataset->n_fields * sizeof *fields);
    return status;
}

dn_status dn_iterator_next(dn_iterator *it, dn_tensor **fields, bool *done) {
    *done = false;
    pthread_mutex_lock(&it->lock);
    dn_status status = next_locked(it, fields, done);
    pthread_mutex_unlock(&it->lock);
    return status;
}

int64_t dn_iterator_position(const dn_iterator *it) { return it->position; }

// ---- What an element is made of ---------------------------------------------------------------

enum { MOST_NAMES = 100 };

static void describe_part(const dn_iterator *it, int64_t part, dn_str *out) {
    int64_t index = it->position - 1;
    const dn_dataset *d = it->dataset;
    for (; d->input; d = d->input)
        if (d->kind->origin) d->kind->origin(d, it->shared[d->depth], &index, &part);
    if (d->kind->name_of)
        dn_str_puts(out, d->kind->name_of(d, index));
    else
        dn_str_printf(out, "%lld", (long long)index);
}

void dn_iterator_describe(const dn_iterator *it, dn_str *out) {
    int64_t parts = it->dataset->parts, told = parts < MOST_NAMES ? parts : MOST_NAMES;
    if (!it->nodes[0]->kind->name_of) dn_str_puts(out, parts == 1 ? "element " : "elements ");
    for (int64_t part = 0; part < told; part++) {
        if (part) dn_str_puts(out, ", ");
        describe_part(it, part, out);
    }
    if (told < parts) dn_str_printf(out, " and %lld more", (long long)(parts - told));
}
