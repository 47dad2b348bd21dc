# What the scripts share; sourced by them from the repository's root.

nvcc_path() {
  command -v nvcc || { [[ -x /usr/local/cuda/bin/nvcc ]] && echo /usr/local/cuda/bin/nvcc; }
}

has_gpu() {
  [[ $(nvidia-smi -L 2> /dev/null) == GPU* ]]
}

# Without a GPU every CUDA case would be skipped, so compiling them all would show nothing.
default_preset() {
  if nvcc_path > /dev/null && has_gpu; then echo cuda; else echo cpu; fi
}

# Configures a preset. With nvcc, code is made for the GPU that is here or, without one, for a single generation: the
# default list of five is for packages. Further arguments go to cmake.
configure() {
  local preset=$1
  shift
  local options=()
  if [[ $preset == cuda* ]]; then
    local nvcc
    nvcc=$(nvcc_path) || fail "the preset '$preset' needs nvcc, which is neither on PATH nor in /usr/local/cuda/bin"
    export CUDACXX=$nvcc
  fi
  if [[ $preset == cuda ]]; then
    if has_gpu; then options+=(-DCMAKE_CUDA_ARCHITECTURES=native); else options+=(-DCMAKE_CUDA_ARCHITECTURES=90); fi
  fi
  cmake --preset "$preset" "${options[@]}" "$@"
}

# What tests are about to be built from; "unknown" without Python.
sources_now() {
  scripts/sources.py 2> /dev/null || echo unknown
}

# Keeps ctest's log for scripts/evidence, under a line of what it is of: keep_evidence LOG NAME SOURCES, where SOURCES is
# what sources_now said before anything was built.
keep_evidence() {
  local now revision
  now=$(sources_now)
  if [[ $now != "$3" ]]; then
    echo "no evidence: sources were changed while they were built and tested" >&2
    rm -f "build/evidence/$2.log"
    return
  fi
  revision=$(git describe --always --dirty --abbrev=12 --exclude='*' 2> /dev/null || echo unknown)
  mkdir -p build/evidence
  { echo "sources $now, revision $revision, $(date --utc '+%Y-%m-%d %H:%M') UTC"; cat "$1"; } > "build/evidence/$2.log"
}

fail() {
  echo "${0##*/}: $*" >&2
  exit 2
}

# Prints the lines of a script that begin with "#:".
print_help() {
  sed -n 's/^#: \{0,1\}//p' "$0"
}
