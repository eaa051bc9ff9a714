#!/usr/bin/env bash
# Every check that needs a GPU. `./dev gpu-test` makes the folder that this lies in, with programs and
# data; it needs bash, coreutils, awk and NVIDIA's driver, nothing of dnet. DNET_CUDA_DRIVER may name
# another driver (tests/cudasim). --quick: a few minutes' worth less.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export LC_ALL=C
quick=
[ "${1:-}" != --quick ] || quick=yes
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=()

check() {  # name, command...
    local name=$1 start=$SECONDS
    shift
    if "$@" >"$work/log" 2>&1; then
        printf 'ok      %s (%s s)\n' "$name" $((SECONDS - start))
        sed -n 's/^RESULT /        /p' "$work/log"
    else
        printf 'FAILED  %s\n' "$name"
        tail -n 25 "$work/log" | sed 's/^/        /'
        failed+=("$name")
    fi
}

train() {  # program, device, folder, epochs
    ./"$1" --device="$2" train --images data/images.gz --epochs "$4" --out "$3" --overwrite
}

# Column by column, the largest difference of the first rows by the size of the value.
losses_agree() {  # file, file, rows, tolerance
    paste -d, "$1" "$2" | awk -F, -v rows="$3" -v tolerance="$4" '
        NR == 1 { half = NF / 2; next }
        NR <= rows + 1 {
            for (i = 2; i <= half; i++) {
                d = $i - $(i + half); if (d < 0) d = -d
                s = $i < 0 ? -$i : $i; if (s < 1) s = 1
                if (!(d / s <= most)) most = d / s
            }
            seen++
        }
        END {
            print "RESULT " seen " steps differ by at most " most
            exit !(seen == rows && most <= tolerance)
        }'
}

steps_agree() {  # program, tolerance
    train "$1" cpu "$work/cpu" 1 && train "$1" 0 "$work/gpu" 1 &&
        losses_agree "$work/cpu/losses.csv" "$work/gpu/losses.csv" 10 "$2"
}

repeats() {
    train gan-tf32 0 "$work/first" 1 && train gan-tf32 0 "$work/second" 1 &&
        cmp "$work/first/gan.ckpt" "$work/second/gan.ckpt" &&
        cmp "$work/first/losses.csv" "$work/second/losses.csv"
}

# A checkpoint goes from one device to the other.
crosses() {
    train gan-f32 0 "$work/there" 1 &&
        ./gan-f32 --device=cpu sample --weights "$work/there/gan.ckpt" --out "$work/a.png" --overwrite &&
        ./gan-f32 --device=0 train --images data/images.gz --weights "$work/there/gan.ckpt" --epochs 1 \
            --out "$work/back" --overwrite
}

# The judge learns on the processor.
samples_pass() {  # epochs, least share
    train gan-tf32 0 "$work/demo" "$1" &&
        ./gan-tf32 --device=0 generate --weights "$work/demo/gan.ckpt" --n 1000 --out "$work/samples.npy" &&
        ./gan-tf32 --device=0 sample --weights "$work/demo/gan.ckpt" --out samples.png --overwrite &&
        ./lenet --device=cpu train --images data/images.gz --labels data/labels.gz --epochs 4 \
            --test-images data/images.gz --test-labels data/labels.gz --out "$work/lenet.safetensors" &&
        ./lenet --device=cpu judge --samples "$work/samples.npy" --weights "$work/lenet.safetensors" |
        tee "$work/judged" &&
        awk -v least="$2" '/confidence above 0.9/ { print "RESULT " $0; ok = $4 >= least } END { exit !ok }' \
            "$work/judged"
}

sanitized() {  # tool
    compute-sanitizer --tool "$1" --error-exitcode 9 ./run_cases cases/ops-f32.cases cases/random-tf32.cases
}

nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null || true
for cases in cases/*.cases; do check "$(basename "$cases" .cases) against the interpreter" ./run_cases "$cases"; done
check "ten steps of the GAN in f32 as on the processor" steps_agree gan-f32 1e-5
check "ten steps of the GAN in tf32" steps_agree gan-tf32 2e-2
check "two runs are the same to the bit" repeats
check "checkpoints go from device to device" crosses
if [ -z "$quick" ]; then
    check "samples of the demo GAN pass the judge" samples_pass 24 0.3
    if command -v compute-sanitizer >/dev/null; then
        for tool in memcheck racecheck initcheck synccheck; do check "compute-sanitizer: $tool" sanitized $tool; done
    else
        echo "skipped compute-sanitizer: it is not installed here"
    fi
fi
[ ${#failed[@]} = 0 ] || { printf '%s failed\n' "${#failed[@]}"; exit 1; }
echo "all passed"
