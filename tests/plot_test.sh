#!/usr/bin/env bash
# scripts/plot: pictures of either kind, what it says of minima, and what it refuses. Usage: plot_test.sh PLOT NABLA
set -euo pipefail
plot=$1
nabla=$2
if ! reason=$("$plot" --help 2>&1); then
  [[ $reason == *"needs matplotlib"* ]] || { echo "$reason"; exit 1; }
  echo "skipped: $reason"
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() { echo "plot_test: $*" >&2; exit 1; }

said=$("$plot" --nabla "$nabla" --function himmelblau --basins --at 0,0 --points 60 --out "$folder/basins.png")
[[ $said == *"4 places where descents end"*"(3, 2)"*"0.000 end in none"*"from (0, 0) to (3, 2)"* ]] || fail "said: $said"
[[ $(head -c 8 "$folder/basins.png" | tail -c 7 | head -c 3) == PNG ]] || fail "no PNG"
"$plot" --nabla "$nabla" --formula "x^2*y + sin(x*y)" --gradient --points 40 --box -1:1,0:2 --out "$folder/arrows.svg" > /dev/null
grep -q '</svg>' "$folder/arrows.svg" || fail "no SVG"

refuses() {  # WHAT ARGUMENT...
  local what=$1 status=0 said
  shift
  said=$("$plot" --nabla "$nabla" --out "$folder/refused.png" "$@" 2>&1) || status=$?
  [[ $status -eq 2 && $said == "plot: "*"$what"* && $(wc -l <<< "$said") -eq 1 ]] || fail "$*: status $status, $said"
  [[ ! -e $folder/refused.png ]] || fail "$*: left a picture"
}
refuses "unknown function 'nosuch'" --function nosuch
refuses "takes n = 1 variables" --formula "x^2"
refuses "expected A:B" --formula "x*y" --box 3
refuses "expected two numbers X,Y" --formula "x*y" --at 3
refuses "finite nowhere" --formula "log(-1 - x^2)*y"
refuses "unknown method" --formula "x*y" --basins --method nosuch
refuses "ends in .png or .svg" --formula "x*y" --out "$folder/x.gif"
refuses "No such file" --formula "x*y" --out "$folder/none/x.png"
echo "plot_test: passed"
