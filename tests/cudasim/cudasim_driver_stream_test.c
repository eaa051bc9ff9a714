// Streams and events of the simulated driver: in which order work is done, and what a program that
// does not wait sees.
#include "tests/cudasim/driver_trial.h"

enum { COUNT = 8 };

static CUstream new_stream(void) {
    CUstream stream = NULL;
    CHECK_CU(cu.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    return stream;
}

static CUevent new_event(void) {
    CUevent event = NULL;
    CHECK_CU(cu.cuEventCreate(&event, CU_EVENT_DISABLE_TIMING));
    return event;
}

static unsigned first_word(CUdeviceptr data) {
    unsigned word = 0;
    CHECK_CU(cu.cuMemcpyDtoH_v2(&word, data, 4));
    return word;
}

// --- when the host's bytes are read and written ---

static unsigned upload_then_change(unsigned *from) {
    CUdeviceptr data = device_words(COUNT);
    CUstream stream = new_stream();
    from[0] = 1;
    CHECK_CU(cu.cuMemcpyHtoDAsync_v2(data, from, 4, stream));
    from[0] = 2;
    CHECK_CU(cu.cuStreamSynchronize(stream));
    unsigned word = first_word(data);
    CHECK_CU(cu.cuStreamDestroy_v2(stream));
    CHECK_CU(cu.cuMemFree_v2(data));
    return word;
}

static void check_upload(unsigned pinned_word) {
    begin();
    unsigned *pinned = pinned_words(1), pageable;
    CHECK(upload_then_change(pinned) == pinned_word);
    CHECK(upload_then_change(&pageable) == 1);
    CHECK_CU(cu.cuMemFreeHost(pinned));
    end();
}
static void upload_late(void) { check_upload(2); }
static void upload_early(void) { check_upload(1); }

static void download(void) {
    begin();
    CUdeviceptr data = device_words(COUNT);
    CUstream stream = new_stream();
    unsigned *pinned = pinned_words(1);
    CHECK_CU(cu.cuMemsetD32Async(data, 7, COUNT, stream));
    pinned[0] = 1;
    CHECK_CU(cu.cuMemcpyDtoHAsync_v2(pinned, data, 4, stream));
    CHECK(pinned[0] == 0xCDCDCDCD, "%x", pinned[0]);
    CHECK_CU(cu.cuStreamSynchronize(stream));
    CHECK(pinned[0] == 7);
    // There and back through the same memory: the first copy still has to see what is in it.
    pinned[0] = 5;
    CHECK_CU(cu.cuMemcpyHtoDAsync_v2(data, pinned, 4, stream));
    CHECK_CU(scale(data, 1, 2, 1, stream));
    CHECK_CU(cu.cuMemcpyDtoHAsync_v2(pinned, data, 4, stream));
    CHECK_CU(cu.cuStreamSynchronize(stream));
    CHECK(pinned[0] == 11);
    CHECK_CU(cu.cuMemFreeHost(pinned));
    CHECK_CU(cu.cuStreamDestroy_v2(stream));
    CHECK_CU(cu.cuMemFree_v2(data));
    end();
}

// --- two streams ---

// One stream uploads, another computes. Without waiting for the upload it uses what was there.
static unsigned compute_after_upload(bool waits) {
    CUdeviceptr data = device_words(COUNT);
    unsigned *pinned = pinned_words(1);
    CUstream copy = new_stream(), compute = new_stream();
    CUevent uploaded = new_event();
    CHECK_CU(cu.cuMemsetD32Async(data, 100, COUNT, copy));
    CHECK_CU(cu.cuStreamSynchronize(copy));
    pinned[0] = 5;
    CHECK_CU(cu.cuMemcpyHtoDAsync_v2(data, pinned, 4, copy));
    CHECK_CU(cu.cuEventRecord(uploaded, copy));
    if (waits) CHECK_CU(cu.cuStreamWaitEvent(compute, uploaded, 0));
    CHECK_CU(scale(data, 1, 2, 1, compute));
    CHECK_CU(cu.cuStreamSynchronize(compute));
    unsigned word = first_word(data);
    CHECK_CU(cu.cuStreamSynchronize(copy));
    CHECK_CU(cu.cuStreamDestroy_v2(copy));
    CHECK_CU(cu.cuStreamDestroy_v2(compute));
    CHECK_CU(cu.cuEventDestroy_v2(uploaded));
    CHECK_CU(cu.cuMemFreeHost(pinned));
    CHECK_CU(cu.cuMemFree_v2(data));
    return word;
}

static void missing_wait_late(void) {
    begin();
    CHECK(compute_after_upload(true) == 11);
    CHECK(compute_after_upload(false) == 201);
    end();
}
static void missing_wait_early(void) {
    begin();
    CHECK(compute_after_upload(true) == 11);
    CHECK(compute_after_upload(false) == 11);
    end();
}
static void missing_wait_random(void) {
    begin();
    int seen[2] = {0, 0};
    for (int i = 0; i < 40; i++) {
        CHECK(compute_after_upload(true) == 11);
        seen[compute_after_upload(false) == 11]++;
    }
    CHECK(seen[0] > 0 && seen[1] > 0, "%d and %d", seen[0], seen[1]);
    end();
}

// The next upload must not overtake the work that reads the last one.
static unsigned upload_again(bool waits) {
    CUdeviceptr data = device_words(COUNT);
    unsigned *pinned = pinned_words(2);
    CUstream copy = new_stream(), compute = new_stream();
    CUevent computed = new_event();
    CHECK_CU(cu.cuMemsetD32Async(data, 5, COUNT, compute));
    CHECK_CU(cu.cuStreamSynchronize(compute));
    CHECK_CU(scale(data, 1, 2, 1, compute));
    CHECK_CU(cu.cuMemcpyDtoHAsync_v2(&pinned[1], data, 4, compute));
    CHECK_CU(cu.cuEventRecord(computed, compute));
    if (waits) CHECK_CU(cu.cuStreamWaitEvent(copy, computed, 0));
    pinned[0] = 1000;
    CHECK_CU(cu.cuMemcpyHtoDAsync_v2(data, pinned, 4, copy));
    CHECK_CU(cu.cuStreamSynchronize(compute));
    unsigned word = pinned[1];
    CHECK_CU(cu.cuStreamSynchronize(copy));
    CHECK(first_word(data) == (waits ? 1000 : word));
    CHECK_CU(cu.cuStreamDestroy_v2(copy));
    CHECK_CU(cu.cuStreamDestroy_v2(compute));
    CHECK_CU(cu.cuEventDestroy_v2(computed));
    CHECK_CU(cu.cuMemFreeHost(pinned));
    CHECK_CU(cu.cuMemFree_v2(data));
    return word;
}
static void overtake(void) {
    begin();
    CHECK(upload_again(true) == 11);
    CHECK(upload_again(false) == 2001);
    end();
}

// --- the legacy stream ---

static void legacy_stream(void) {
    begin();
    CUdeviceptr data = device_words(COUNT);
    CUstream blocking, free_one = new_stream();
    CHECK_CU(cu.cuStreamCreate(&blocking, CU_STREAM_DEFAULT));
    CHECK_CU(cu.cuMemsetD32Async(data, 1, COUNT, blocking));
    CHECK_CU(scale(data, 1, 3, 0, NULL));      // after the memset
    CHECK_CU(scale(data, 1, 1, 4, blocking));  // after that
    CHECK_CU(cu.cuStreamSynchronize(blocking));
    CHECK(first_word(data) == 7);
    // A stream that does not block is not waited for.
    CHECK_CU(scale(data, 1, 1, 1, free_one));
    CHECK(first_word(data) == 7);
    CHECK_CU(cu.cuCtxSynchronize());
    CHECK(first_word(data) == 8);
    // A copy from pageable memory may return before its bytes have arrived.
    unsigned word = 50;
    CHECK_CU(cu.cuMemcpyHtoD_v2(data, &word, 4));
    CHECK_CU(scale(data, 1, 1, 1, free_one));
    CHECK_CU(cu.cuStreamSynchronize(free_one));
    CHECK(first_word(data) == 50);
    // The bytes are taken when what was queued before is done.
    CHECK_CU(cu.cuMemcpyDtoHAsync_v2(&word, data, 4, blocking));
    CHECK_CU(cu.cuMemcpyHtoD_v2(data + 4, &word, 4));
    CHECK(first_word(data + 4) == 50);
    CHECK_CU(cu.cuStreamDestroy_v2(blocking));
    CHECK_CU(cu.cuStreamDestroy_v2(free_one));
    CHECK_CU(cu.cuMemFree_v2(data));
    end();
}

// --- events, queries, full queues ---

static void events(void) {
    begin();
    CUdeviceptr data = device_words(COUNT);
    CUstream stream = new_stream();
    CUevent first, second, silent = new_event();
    float milliseconds = -1;
    CHECK_CU(cu.cuEventCreate(&first, CU_EVENT_DEFAULT));
    CHECK_CU(cu.cuEventCreate(&second, CU_EVENT_DEFAULT));
    CHECK_CU(cu.cuEventQuery(first));  // never recorded
    CHECK_IS(cu.cuEventElapsedTime(&milliseconds, first, second), CUDA_ERROR_INVALID_HANDLE);
    CHECK_CU(cu.cuEventRecord(first, stream));
    CHECK_CU(cu.cuMemsetD32Async(data, 1, COUNT, stream));
    CHECK_CU(cu.cuEventRecord(second, stream));
    CHECK_CU(scale(data, 1, 1, 1, stream));
    CHECK_IS(cu.cuEventElapsedTime(&milliseconds, first, second), CUDA_ERROR_NOT_READY);
    CHECK_CU(cu.cuEventSynchronize(second));
    CHECK_CU(cu.cuEventElapsedTime(&milliseconds, first, second));
    CHECK(milliseconds >= 0);
    CHECK(first_word(data) == 1);  // what comes after the event was not run
    CHECK_IS(cu.cuStreamQuery(stream), CUDA_ERROR_NOT_READY);
    CHECK_CU(cu.cuStreamQuery(stream));
    CHECK(first_word(data) == 2);
    CHECK_CU(scale(data, 1, 1, 1, stream));
    CHECK_CU(cu.cuEventRecord(silent, stream));
    CHECK_CU(cu.cuEventRecord(second, stream));
    CHECK_IS(cu.cuEventElapsedTime(&milliseconds, first, silent), CUDA_ERROR_INVALID_HANDLE);
    CHECK_CU(cu.cuStreamDestroy_v2(stream));  // its work is done all the same
    CHECK_IS(cu.cuEventQuery(second), CUDA_ERROR_NOT_READY);
    CHECK_CU(cu.cuEventQuery(second));
    CHECK(first_word(data) == 3);
    CHECK_CU(cu.cuEventDestroy_v2(first));
    CHECK_CU(cu.cuEventDestroy_v2(second));
    CHECK_CU(cu.cuEventDestroy_v2(silent));
    CHECK_CU(cu.cuMemFree_v2(data));
    end();
}

static void full_queue(void) {
    begin();
    CUdeviceptr data = device_words(1);
    CUstream stream = new_stream();
    for (int i = 0; i < 5000; i++) CHECK_CU(cu.cuMemsetD32Async(data, (unsigned)i, 1, stream));
    CHECK(cu.cudasim_count("fills") == 5000 - 1024, "%lld", cu.cudasim_count("fills"));
    CHECK_CU(cu.cuStreamSynchronize(stream));
    CHECK(cu.cudasim_count("fills") == 5000);
    CHECK(first_word(data) == 4999);
    CHECK_CU(cu.cuStreamDestroy_v2(stream));
    CHECK_CU(cu.cuMemFree_v2(data));
    end();
}

// --- memory that queued work uses ---

static void free_in_use(void) {
    begin();
    CUdeviceptr data = device_words(COUNT), other = device_words(COUNT);
    unsigned *pinned = pinned_words(COUNT);
    CUstream stream = new_stream();
    CHECK_CU(cu.cuMemsetD32Async(data, 1, COUNT, stream));
    CHECK_CU(cu.cuMemFree_v2(other));
    CHECK(cu.cudasim_count("problems") == 0);
    CHECK_CU(scale(data, COUNT, 1, 1, stream));
    CHECK_CU(cu.cuMemFree_v2(data));
    CHECK(cu.cudasim_count("problems") == 1);
    data = device_words(COUNT);
    CHECK_CU(cu.cuMemcpyHtoDAsync_v2(data, pinned, 4, stream));
    CHECK_CU(cu.cuMemFreeHost(pinned));
    CHECK(cu.cudasim_count("problems") == 2);
    CHECK_CU(cu.cuMemFree_v2(data));
    CHECK_CU(cu.cuStreamDestroy_v2(stream));
    end();
}

int main(void) {
    TRIAL(upload_late, "", CLEAN, NULL);
    TRIAL(upload_late, "CUDASIM_ORDER=overtake", CLEAN, NULL);
    TRIAL(upload_early, "CUDASIM_ORDER=early", CLEAN, NULL);
    TRIAL(download, "", CLEAN, NULL);
    TRIAL(missing_wait_late, "CUDASIM_ORDER=late", CLEAN, NULL);
    TRIAL(missing_wait_early, "CUDASIM_ORDER=early", CLEAN, NULL);
    TRIAL(missing_wait_early, "CUDASIM_ORDER=overtake", CLEAN, NULL);
    TRIAL(missing_wait_random, "CUDASIM_ORDER=random:1", CLEAN, NULL);
    TRIAL(missing_wait_random, "CUDASIM_ORDER=random:2", CLEAN, NULL);
    TRIAL(overtake, "CUDASIM_ORDER=overtake", CLEAN, NULL);
    TRIAL(legacy_stream, "", CLEAN, NULL);
    TRIAL(events, "", CLEAN, NULL);
    TRIAL(full_queue, "", CLEAN, NULL);
    TRIAL(free_in_use, "", FOUND,
          "device memory 1 of 32 bytes is freed while work that is queued "
          "uses it: scale");
    return trial_result();
}
