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

fail() {
  echo "${0##*/}: $*" >&2
  exit 2
}

# Prints the lines of a script that begin with "#:".
print_help() {
  sed -n 's/^#: \{0,1\}//p' "$0"
}
