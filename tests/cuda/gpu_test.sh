#!/usr/bin/env bash
# Every check that needs a GPU. `./dev gpu-test` makes the folder that this lies in, with programs and
# data; it needs bash, coreutils, awk and NVIDIA's driver, nothing of dnet. DNET_CUDA_DRIVER may name
# another driver (tests/cudasim).
#
#   run [--quick] [--minutes N] [--results FILE] [CHECK ...]     run --list
#
# A check that fails or hangs does not end the run; it is done again with DNET_CUDA_SYNC=1, so that
# its message names the kernel. What is found goes into FILE (results.txt here) as soon as a check
# ends. After N minutes (9) no other check begins, and those that are left are named. --quick: no
# training, no compute-sanitizer.
set -uo pipefail
caller=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 2
self=$PWD/$(basename "${BASH_SOURCE[0]}")
export LC_ALL=C

# ---- what checks are made of ---------------------------------------------------------------------

note() { printf -- '- %s\n' "$*"; }  # a line of the results

# Twice ten steps of a GAN's training into a folder: losses.csv, epoch-1.ckpt from the middle,
# epoch-2.ckpt and made.npy from the end. Paths are such that a copy of the folder can be resumed.
steps() {  # program, device, folder
    mkdir -p "$3" && (cd "$3" && "$OLDPWD/$1" --device="$2" steps --images images.gz --out . --overwrite)
}

resume() {  # program, device, folder of a run that ended, folder for what is resumed
    mkdir -p "$4" && cp "$3/images.gz" "$3/losses.csv" "$3/epoch-1.ckpt" "$4" &&
        (cd "$4" && "$OLDPWD/$1" --device="$2" steps --resume epoch-1.ckpt --overwrite)
}

# A folder for a run, which has the data.
new_run() { mkdir -p "$work/$1" && cp data/images.gz "$work/$1/images.gz" && printf '%s' "$work/$1"; }

# Column by column, the largest difference of rows FROM to TO by the size of the value (1 at least).
losses_agree() {  # file, file, from, to, limit
    paste -d, "$1" "$2" | awk -F, -v from="$3" -v to="$4" -v limit="$5" '
        NR == 1 { half = NF / 2; next }
        NR > from && NR <= to + 1 {
            for (i = 2; i <= half; i++) {
                d = $i - $(i + half); if (d < 0) d = -d
                s = $i < 0 ? -$i : $i; if (s < 1) s = 1
                if (!(d / s <= most)) most = d / s
            }
            seen++
        }
        END {
            print "- found: in steps " from " to " to " losses differ by at most " most ", limit " limit
            exit !(seen == to - from + 1 && most <= limit)
        }'
}

same_bits() {  # folder, folder, file...
    local a=$1 b=$2 file
    shift 2
    for file; do
        cmp "$a/$file" "$b/$file" || return 1
        note "found: $file has the same $(stat -c %s "$a/$file") bytes"
    done
}

# Limits of what ten steps on a GPU may be away from the processor: what was measured on the simulated
# GPU (examples/article/gan.dnet at batch 4 and 8, tests/endtoend/tiny_gan.dnet) times ten in f32 and
# five in the others, because hardware adds products in another order. Larger batches only average
# more.
limit_f32=5e-6   # at most 5e-7
limit_tf32=2e-3  # 4.1e-4
limit_bf16=4e-3  # 7.9e-4

# ---- the checks ----------------------------------------------------------------------------------

check_cases() {  # kind-precision
    note "compares: each result of every op or of random graphs with the interpreter's, on the processor"
    note "limit: at each element, from the interpreter's own spread when its operands are moved by a rounding"
    ./run_cases "cases/$1.cases"
}

check_steps() {  # precision
    local limit=limit_$1 here there
    note "compares: losses of ten steps of the GAN in $1 on the GPU with those on the processor in f32"
    note "limit: ${!limit}, from what the simulated GPU differs by (see $(basename "$self"))"
    here=$(new_run here) there=$(new_run there)
    steps "gan-$1" cpu "$here" && steps "gan-$1" 0 "$there" &&
        losses_agree "$here/losses.csv" "$there/losses.csv" 1 10 "${!limit}"
}

check_repeats() {
    local first second
    note "compares: two runs of the same program on the GPU, to the bit"
    first=$(new_run first) second=$(new_run second)
    steps gan-tf32 0 "$first" && steps gan-tf32 0 "$second" &&
        same_bits "$first" "$second" losses.csv epoch-1.ckpt epoch-2.ckpt made.npy
}

# Resumed runs write rows 11 to 20 anew.
check_resume() {
    local gpu cpu
    note "compares: a run that is resumed in its middle with one that was not stopped"
    note "limit: the same bits on the same device; $limit_f32 where the other device goes on"
    gpu=$(new_run gpu) cpu=$(new_run cpu)
    steps gan-f32 0 "$gpu" && steps gan-f32 cpu "$cpu" || return 1
    note "GPU, resumed on the GPU"
    resume gan-f32 0 "$gpu" "$work/gpu-gpu" &&
        same_bits "$gpu" "$work/gpu-gpu" losses.csv epoch-2.ckpt made.npy || return 1
    note "GPU, resumed on the processor"
    resume gan-f32 cpu "$gpu" "$work/gpu-cpu" &&
        losses_agree "$gpu/losses.csv" "$work/gpu-cpu/losses.csv" 11 20 $limit_f32 || return 1
    note "processor, resumed on the GPU"
    resume gan-f32 0 "$cpu" "$work/cpu-gpu" &&
        losses_agree "$cpu/losses.csv" "$work/cpu-gpu/losses.csv" 11 20 $limit_f32
}

check_fits() {
    local whole less
    note "compares: a program that recomputes to fit into less memory (--max-memory) with one that does not, to the bit"
    note "$(cat fits.txt)"
    whole=$(new_run whole) less=$(new_run less)
    steps gan-tf32 0 "$whole" && steps gan-fits 0 "$less" && same_bits "$whole" "$less" losses.csv made.npy
}

check_library() {
    note "compares: images by a C program with a library for GPUs with those of the program for GPUs, to the bit;"
    note "  then two objects in two threads, an object in two threads, and a CUDA context of the caller's"
    cp -r library "$work/library" && cd "$work/library" || return 1
    ./program --device=0 images --weights out/gan.ckpt --out program.npy &&
        ./use out/gan.ckpt noise images 1 && ./use twice out/gan.ckpt noise twice &&
        ./devices 0 noise named && ./devices threads noise || return 1
    tail -c "$(stat -c %s images)" program.npy >wanted
    cmp images wanted && cmp named wanted && cmp twice wanted &&
        note "found: the same $(stat -c %s images) bytes each time"
}

# No limit: figures to look at. The launches of a step are timed one by one, not as a graph.
check_profile() {  # precision
    local run
    note "tells: where the time of twenty steps in $1 goes, by kernel and line, beside the card's limits"
    run=$(new_run profile)
    (cd "$run" && "$OLDPWD/gan-$1" --profile --device=0 steps --images images.gz --out . 2>profile) || return 1
    sed 's/^/- /' "$run/profile"
    grep -q '^cost of train_step, mean of .* runs' "$run/profile"
}

# The judge learns on the processor, with the same bits everywhere. The limit: three runs in f32 on
# the processor with seeds 1 to 3 came to 0.531, 0.544 and 0.523 (November 2026); the share of 1000
# images has a standard deviation of 0.016, and 0.47 is three of these below the least.
check_samples() {
    note "compares: how many of 1000 images, after 24 epochs of 10,000 digits in tf32, the classifier is sure of"
    note "limit: 0.47; three runs on the processor came to 0.523 to 0.544"
    local start=$SECONDS
    ./gan-tf32 --device=0 train --images data/images.gz --epochs 24 --out "$work/demo" --overwrite || return 1
    note "found: trained in $((SECONDS - start)) s"
    ./gan-tf32 --device=0 generate --weights "$work/demo/gan.ckpt" --n 1000 --out "$work/samples.npy" &&
        ./gan-tf32 --device=0 sample --weights "$work/demo/gan.ckpt" --out "$work/samples.png" &&
        cp "$work/samples.png" "$(dirname "$results")/samples.png" &&
        ./lenet train --images data/images.gz --labels data/labels.gz --epochs 4 \
            --test-images data/images.gz --test-labels data/labels.gz --out "$work/lenet.safetensors" &&
        ./lenet judge --samples "$work/samples.npy" --weights "$work/lenet.safetensors" >"$work/judged" ||
        return 1
    sed 's/^/- found: /' "$work/judged"
    awk -v limit=0.47 '/confidence above 0.9/ { ok = $4 >= limit } END { exit !ok }' "$work/judged"
}

check_sanitizer() {  # tool
    note "runs: random graphs and every op under compute-sanitizer's $1, which may find nothing"
    compute-sanitizer --tool "$1" --error-exitcode 9 ./run_cases cases/few-tf32.cases
}

# ---- the run -------------------------------------------------------------------------------------

# The name of a check: its function, and with a colon its argument. Those that find most come first.
list_checks() {
    local file precision tool
    for file in cases/*.cases; do
        file=$(basename "$file" .cases)
        [ "$file" = few-tf32 ] || echo "cases:$file"
    done
    for precision in f32 tf32 bf16; do echo "steps:$precision"; done
    printf '%s\n' repeats resume fits library
    for precision in tf32 bf16; do echo "profile:$precision"; done
    [ -z "$quick" ] || return 0
    [ -x lenet ] && echo samples
    command -v compute-sanitizer >/dev/null &&
        for tool in memcheck racecheck initcheck synccheck; do echo "sanitizer:$tool"; done
}

run_one() {  # name
    "check_${1%%:*}" "${1#*:}"
}

tell() { tee -a "$results"; }

# Seconds that a check may take. The driver compiles PTX when a program starts, thousands of kernels in
# the random graphs; a program's it keeps for the next start.
limit_of() {
    case $1 in
        cases:* | samples | sanitizer:*) echo 300 ;;
        *) echo 180 ;;
    esac
}

describe_machine() {
    date -u '+%Y-%m-%d %H:%M:%S UTC'
    nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm,clocks.max.mem --format=csv,noheader \
        2>/dev/null || echo "no nvidia-smi"
    grep -m 1 'model name' /proc/cpuinfo
    echo "$(nproc) processors, driver ${DNET_CUDA_DRIVER:-libcuda.so.1}"
    ./gan-tf32 --version
}

# What a failed check said, and what it says with each launch waited for.
tell_failure() {  # name
    sed 's/^/    /' "$work/log" | tail -n 60
    echo "    ---- again with DNET_CUDA_SYNC=1"
    DNET_CUDA_SYNC=1 timeout -k 10 60 bash "$self" --results "$results" --one "$1" >"$work/log" 2>&1
    echo "    exit code $?"
    sed 's/^/    /' "$work/log" | tail -n 60
}

run_check() {  # name, seconds
    local start=$SECONDS code
    timeout -k 10 "$2" bash "$self" --results "$results" --one "$1" >"$work/log" 2>&1
    code=$?
    if [ $code = 0 ]; then
        { printf 'ok      %s (%s s)\n' "$1" $((SECONDS - start)) && grep '^- ' "$work/log" | sed 's/^/    /'; } | tell
        passed=$((passed + 1))
        return
    fi
    failed+=("$1")
    if [ $code = 124 ] || [ $code = 137 ]; then code="$code: it was ended after $2 s"; fi
    { printf 'FAILED  %s (exit code %s)\n' "$1" "$code" && tell_failure "$1"; } | tell
}

quick='' minutes=9 results=$PWD/results.txt one='' chosen=()
while [ $# -gt 0 ]; do
    case $1 in
        --quick) quick=yes ;;
        --minutes) minutes=$2 && shift ;;
        --results) results=$(cd "$caller" && realpath -m "$2") && shift ;;
        --one) one=$2 && shift ;;
        --list) list_checks; exit 0 ;;
        -*) echo "usage: run [--quick] [--minutes N] [--results FILE] [CHECK ...], or run --list" >&2 && exit 2 ;;
        *) chosen+=("$1") ;;
    esac
    shift
done
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
if [ -n "$one" ]; then
    run_one "$one"
    exit
fi
[ ${#chosen[@]} -gt 0 ] || mapfile -t chosen < <(list_checks)
failed=() left=() passed=0
: >>"$results" || exit 2
describe_machine 2>&1 | tell
for name in "${chosen[@]}"; do
    rest=$((60 * minutes - SECONDS)) limit=$(limit_of "$name")
    if [ $rest -lt 20 ]; then
        left+=("$name")
        continue
    fi
    run_check "$name" $((rest < limit ? rest : limit))
done
[ -n "$quick" ] || command -v compute-sanitizer >/dev/null ||
    echo "skipped compute-sanitizer: it is not installed here" | tell
{
    echo "$passed passed, ${#failed[@]} failed${failed[*]:+: ${failed[*]}}, in $SECONDS s"
    [ ${#left[@]} = 0 ] || echo "left out after $minutes minutes: run ${left[*]}"
} | tell
echo "the results are in $results"
[ ${#failed[@]} = 0 ] && [ ${#left[@]} = 0 ]
