#!/usr/bin/env bash
# scripts/compare_peers with a peer that needs nothing: what it tells, that wrong answers fail it, whom it skips, what it
# refuses. Usage: compare_peers_test.sh COMPARE_PEERS BUILD-DIR
set -euo pipefail
compare=$1
build=$2
stub="$(dirname "$0")/stub_peer.py"
command -v python3 > /dev/null || { echo "skipped: needs Python"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() { echo "compare_peers_test: $*" >&2; exit 1; }

status=0
said=
run() {  # ARGUMENT...: sets `said` and `status`
  status=0
  said=$("$compare" --build-dir "$build" --no-build --offline --env "$folder/env" --sections evaluations --threads 1 \
    --points 3000 --rounds 3 --peers "" --cases rosenbrock "$@" 2>&1) || status=$?
}

run --peer "stub=python3 $stub" --out "$folder/report.json"
[[ $status -eq 0 && $said == *"Rosenbrock, n = 2, 3,000 points in [-2, 2]^2"*"library function"*"formula"*"stub "*"slow"* ]] ||
  fail "status $status, $said"
python3 - "$folder/report.json" << 'END' || fail "the report"
import json, sys
with open(sys.argv[1]) as file:
    report = json.load(file)
rows = {(row["peer"], row["variant"]): row for row in report["evaluations"][0]["rows"]}
slow, slower = rows["stub", "slow"], rows["stub", "slower"]
assert report["revision"] and report["compiler"], report
assert report["wrong"] == [] and report["skipped"] == [] and report["threads"] == 1, report
assert slow["counts"] and not slower["counts"], rows
assert len(slow["ratios"]["all"]) == 3 and slow["seconds"]["least"] >= 0.02 and slower["seconds"]["least"] >= 0.04, rows
assert slow["ratios"]["least"] <= slow["ratios"]["median"] <= slow["ratios"]["most"], slow
assert slow["ratios"]["median"] > 2, slow  # 3,000 points take microseconds
END

# All of nabla's functions, as functors and as formulas, which share no derivatives.
run --cases wave_saddle,ackley,lennard_jones
[[ $status -eq 0 && $said == *"Lennard-Jones"*"formula"* && $said != *wrong:* ]] || fail "status $status, $said"

wrong() {  # FAULT WHAT
  run --peer "stub=python3 $stub $1"
  [[ $status -eq 1 && $said == *"$2"*"wrong answers: rosenbrock, stub, slow"* ]] || fail "$1: status $status, $said"
}
wrong wrong-derivative "derivative 2 at point 1"
wrong wrong-nan "found nan"
wrong short "2997 numbers in place of 3000"

skips() {  # WHAT COMMAND
  run --peer "other=$2"
  [[ $status -eq 0 && $(grep -c "^skipped: other.*$1" <<< "$said") -eq 1 ]] || fail "$2: status $status, $said"
}
skips "No such file" "$folder/none"
skips "ended with status 3" "sh -c 'exit 3'"
skips "answered 'hello'" "echo hello"
skips "slower: not today" "python3 $stub refuses"
run --peer "other=python3 $stub dies"
[[ $status -eq 0 && $said == *"skipped: other, slow: it was too much"* ]] || fail "dies: status $status, $said"
run --peers numpy
[[ $status -eq 0 && $said == *"skipped: numpy: numpy is not in"*"nothing is to be downloaded"* ]] || fail "$status, $said"

refuses() {  # WHAT ARGUMENT...
  local what=$1
  shift
  run "$@"
  [[ $status -eq 2 && $said == "compare_peers: "*"$what"* && $(wc -l <<< "$said") -eq 1 ]] || fail "$*: $status, $said"
}
refuses "found 'nosuch'" --cases nosuch
refuses "found 'nosuch'" --peers jax,nosuch
refuses "expected NAME=COMMAND" --peer stub
refuses "invalid positive value: '0'" --points 0
refuses "processors are there" --threads 100000
refuses "is not built" --build-dir "$folder"
refuses "--out: $folder: Is a directory" --out "$folder"
# Before anybody is started, who would be waited for.
refuses "--out: $folder/none/report.json: No such file" --out "$folder/none/report.json" --peer "stub=touch $folder/started"
[[ ! -e $folder/started ]] || fail "a bad --out was found after peers were started"
echo "compare_peers_test: passed"
