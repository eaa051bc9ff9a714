// Ordinary CUDA C, compiled by nvcc for cudasim_nvcc_test.c.
#include <cuda_bf16.h>
#include <cuda_pipeline.h>

extern "C" __global__ void sum(const float *x, float *out, int n) {
    __shared__ float part[32];
    float s = 0;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += blockDim.x * gridDim.x)
        s += x[i];
    for (int m = 16; m; m >>= 1) s += __shfl_xor_sync(~0u, s, m);
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = s;
    __syncthreads();
    if (threadIdx.x < 32) {
        s = threadIdx.x < blockDim.x / 32 ? part[threadIdx.x] : 0;
        for (int m = 16; m; m >>= 1) s += __shfl_down_sync(~0u, s, m);
        if (threadIdx.x == 0) atomicAdd(out, s);
    }
}

extern "C" __global__ void product(const float *a, const float *b, float *c, int n) {
    __shared__ float ta[16][17], tb[16][17];
    int row = blockIdx.y * 16 + threadIdx.y, column = blockIdx.x * 16 + threadIdx.x;
    float s = 0;
    for (int k0 = 0; k0 < n; k0 += 16) {
        ta[threadIdx.y][threadIdx.x] = row < n && k0 + threadIdx.x < n ? a[row * n + k0 + threadIdx.x] : 0;
        tb[threadIdx.y][threadIdx.x] = k0 + threadIdx.y < n && column < n ? b[(k0 + threadIdx.y) * n + column] : 0;
        __syncthreads();
        for (int k = 0; k < 16; k++) s += ta[threadIdx.y][k] * tb[k][threadIdx.x];
#ifndef MISSING_BARRIER
        __syncthreads();
#endif
    }
    if (row < n && column < n) c[row * n + column] = s;
}

// An inclusive scan of one block, by warps.
extern "C" __global__ void scan(const int *x, int *out, int n) {
    __shared__ int totals[32];
    int t = threadIdx.x, lane = t % 32, v = t < n ? x[t] : 0;
    for (int d = 1; d < 32; d *= 2) {
        int other = __shfl_up_sync(~0u, v, d);
        if (lane >= d) v += other;
    }
    if (lane == 31) totals[t / 32] = v;
    __syncthreads();
    if (t < 32) {
        int w = t < blockDim.x / 32 ? totals[t] : 0;
        for (int d = 1; d < 32; d *= 2) {
            int other = __shfl_up_sync(~0u, w, d);
            if (lane >= d) w += other;
        }
        __syncwarp();
        if (t < blockDim.x / 32) totals[t] = w;
    }
    __syncthreads();
    if (t >= 32) v += totals[t / 32 - 1];
    if (t < n) out[t] = v;
}

extern "C" __global__ void histogram(const unsigned char *x, unsigned *out, int n) {
    __shared__ unsigned counts[256];
    for (int i = threadIdx.x; i < 256; i += blockDim.x) counts[i] = 0;
    __syncthreads();
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += blockDim.x * gridDim.x)
        atomicAdd(&counts[x[i]], 1u);
    __syncthreads();
    for (int i = threadIdx.x; i < 256; i += blockDim.x) atomicAdd(&out[i], counts[i]);
}

// The last block adds up what the others left.
__device__ unsigned arrived;
extern "C" __global__ void sum_last(const float *x, float *parts, float *out, int n) {
    __shared__ float s[128];
    __shared__ bool last;
    int t = threadIdx.x;
    s[t] = 0;
    for (int i = blockIdx.x * blockDim.x + t; i < n; i += blockDim.x * gridDim.x) s[t] += x[i];
    __syncthreads();
    for (int d = 64; d; d >>= 1) {
        if (t < d) s[t] += s[t + d];
        __syncthreads();
    }
    if (t == 0) {
        parts[blockIdx.x] = s[0];
        __threadfence();
        last = atomicInc(&arrived, gridDim.x - 1) == gridDim.x - 1;
        __threadfence();
    }
    __syncthreads();
    if (!last || t) return;
    float total = 0;
    for (int i = 0; i < gridDim.x; i++) total += ((volatile float *)parts)[i];
    *out = total;
}

// Tensor cores: c[16][8] = a[16][n] * b[8][n]^T, by one warp.
extern "C" __global__ void tensor(const __nv_bfloat16 *a, const __nv_bfloat16 *b, float *c, int n) {
    __shared__ __align__(16) __nv_bfloat16 ta[16][16], tb[8][16];
    int t = threadIdx.x;
    float d[4] = {0, 0, 0, 0};
    for (int k = 0; k < n; k += 16) {
        for (int i = t; i < 256; i += 32) ta[i / 16][i % 16] = a[i / 16 * n + k + i % 16];
        for (int i = t; i < 128; i += 32) tb[i / 16][i % 16] = b[i / 16 * n + k + i % 16];
        __syncthreads();
        unsigned fa[4], fb[2];
        unsigned pa = (unsigned)__cvta_generic_to_shared(&ta[t % 16][t / 16 * 8]);
        unsigned pb = (unsigned)__cvta_generic_to_shared(&tb[t % 8][t / 8 % 2 * 8]);
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(fa[0]), "=r"(fa[1]), "=r"(fa[2]), "=r"(fa[3]) : "r"(pa));
        asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
                     : "=r"(fb[0]), "=r"(fb[1]) : "r"(pb));
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
                     "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                     : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                     : "r"(fa[0]), "r"(fa[1]), "r"(fa[2]), "r"(fa[3]), "r"(fb[0]), "r"(fb[1]));
        __syncthreads();
    }
    for (int i = 0; i < 4; i++) c[(t / 4 + i / 2 * 8) * 8 + t % 4 * 2 + i % 2] = d[i];
}

// Divergent loops, a switch, a call, local memory, division, functions of libdevice.
__device__ __noinline__ float power(float x, int n) {
    float r = 1;
    for (; n; n >>= 1, x *= x)
        if (n & 1) r *= x;
    return r;
}
extern "C" __global__ void mixture(const float *x, float *out, int n) {
    int t = blockIdx.x * blockDim.x + threadIdx.x;
    if (t >= n) return;
    float v[8], y = x[t];
    for (int i = 0; i < 8; i++) v[(i * (t | 1)) & 7] = y + i;
    for (int i = 0; i < 8; i++)
        if (i % 3 == t % 3) v[(i + t) & 7] = v[i];
    switch (t % 7) {
        case 0: y = expf(y); break;
        case 1: y = logf(fabsf(y) + 1); break;
        case 2: y = sinf(y) + v[t & 7]; break;
        case 3: y = power(y, t % 11); break;
        case 4: y = y / (t + 1); break;
        case 5: y = (float)(t / 3 % 5 + (long long)t * 7 / (t + 2)); break;
        default:
            while (y > 1) y *= 0.7f;
    }
    out[t] = y;
}

// Tiles that are copied while others are used.
extern "C" __global__ void pipeline(const float4 *x, float4 *out, int tiles) {
    __shared__ float4 tile[2][128];
    int t = threadIdx.x;
    __pipeline_memcpy_async(&tile[0][t], &x[t], 16);
    __pipeline_commit();
    for (int k = 0; k < tiles; k++) {
        if (k + 1 < tiles) __pipeline_memcpy_async(&tile[(k + 1) & 1][t], &x[(k + 1) * 128 + t], 16);
        __pipeline_commit();
        __pipeline_wait_prior(1);
        __syncthreads();
        float4 v = tile[k & 1][127 - t];
        out[k * 128 + t] = make_float4(v.w, v.z, v.y, v.x);
        __syncthreads();
    }
}
