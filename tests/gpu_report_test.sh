#!/usr/bin/env bash
# scripts/gpu_report, with programs that only say what they were asked: what it writes with a GPU and without, and that
# a step which fails is told and ends nothing. Usage: gpu_report_test.sh SCRIPTS
set -euo pipefail
scripts=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() { echo "gpu_report_test: $*" >&2; cat "$folder/report.md" >&2; exit 1; }

mkdir -p "$folder/scripts" "$folder/bin" "$folder/build/cuda/bench" "$folder/build/cuda/tests"
cp "$scripts/gpu_report" "$scripts/common.sh" "$folder/scripts"
pretend() {  # FILE [LINE...]: a program that prints its arguments, after these lines
  { echo '#!/usr/bin/env bash'; printf '%s\n' "${@:2}"; echo 'echo "${0##*/} $*"'; } > "$1"
  chmod +x "$1"
}
pretend "$folder/scripts/build"
pretend "$folder/scripts/test"
# These take until the clocks have been looked at.
for name in nabla bench/roofline_bench; do
  pretend "$folder/build/cuda/$name" 'if [[ $* == *cuda\ --out* || $* == --bench* ]]; then' \
    'for k in {1..100}; do [[ $(wc -l < "'"$folder"'/build/gpu_report/clocks.csv") -ge 3 ]] && break; sleep 0.1; done' 'fi'
done
for name in nvcc cmake git; do pretend "$folder/bin/$name"; done
# Two kernels, as the assembler's test leaves them and as a disassembler shows them.
pretend "$folder/bin/ctest" 'mkdir -p build/cuda-emulated/tests/kernels' 'cd build/cuda-emulated/tests/kernels' \
  'for sm in 87 90; do' 'echo x > some_$sm.cubin' \
  'echo "sm_$sm 40 registers, 0 bytes stack, 0 spilled: a" > registers_some_$sm.txt' \
  'echo "sm_$sm 56 registers, 32 bytes stack, 8 spilled: b" >> registers_some_$sm.txt' 'done'
pretend "$folder/bin/nvdisasm" 'printf ".text.a:\n LDG.E.128 R4, x\n LDG.E.64.CONSTANT R4, x\n STG.E [R2], R4\n"' \
  'printf ".text.b:\n LDG.E R4, x\n"' 'exit 0'
export PATH="$folder/bin:$PATH" NABLA_CUDA_EMULATOR="$folder/none"

report() {  # STATUS ARGUMENT...
  local expected=$1 status=0
  shift
  "$folder/scripts/gpu_report" --out "$folder/report.md" "$@" > "$folder/said" 2>&1 || status=$?
  [[ $status -eq $expected ]] || fail "$*: status $status, expected $expected: $(cat "$folder/said")"
}
has() { grep --quiet --fixed-strings -- "$1" "$folder/report.md" || fail "the report lacks '$1'"; }
lacks() { ! grep --quiet --fixed-strings -- "$1" "$folder/report.md" || fail "the report has '$1'"; }

pretend "$folder/bin/nvidia-smi" 'exit 9'
report 0
has '**Evidence: compiled: no GPU, and no counters of an emulator'
has '| step build | skipped: no GPU |'
has '| step emulator | skipped: no CUDA emulator in '
has 'registers_some_90: 2 kernels, at most 56 registers; 1 have a stack, of up to 32 bytes; 1 spill, 8 bytes in all'
has 'some_90: 2 kernels reach memory, 1 load 128 bits at once; LDG.128 1 LDG.64 1 LDG.32 1 STG.32 1'
lacks 'scripts/test'

pretend "$folder/bin/nvidia-smi" 'case $* in -L) echo "GPU 0: Made Up"; exit ;;' \
  '*--loop*) printf "clocks.sm, temperature.gpu\n1500, 40\n1800, 50\n"; sleep 60 ;;' \
  '*compute_cap,*|*=compute_cap*) echo 8.7; exit ;; *=name*) echo Made Up; exit ;; *) echo some; exit ;; esac'
pretend "$folder/bin/compute-sanitizer"
report 0
has '**Evidence: measured on Made Up'
has '| driver_version | some |'
has 'test --preset cuda'
has 'compute-sanitizer --tool racecheck --error-exitcode 9 build/cuda/tests/evaluate_test'
has 'nabla bench --executor cuda --out '
has 'clocks.sm: 1500 to 1800'
has 'roofline_bench --benchmark_repetitions=5'
has 'registers_some_87'

pretend "$folder/bin/compute-sanitizer" 'echo "a race"' 'exit 9'
report 1
has '**Evidence: measured on Made Up'
has '| step sanitizer | FAILED with status 1 |'
has 'a race'
has '| step roofline | passed |'

pretend "$folder/scripts/test" 'echo "3 failed"' 'exit 8'
report 1 --without sanitizer
has '**Evidence: no evidence from Made Up: the tests did not pass there'
has '| step test | FAILED with status 8 |'
has '| step sanitizer | left out |'
has '| step bench | passed |'

report 2 --without nosuch
[[ $(cat "$folder/said") == "gpu_report: no step 'nosuch'; see --help" ]] || fail "said: $(cat "$folder/said")"
report 2 --nosuch
echo "gpu_report_test: passed"
