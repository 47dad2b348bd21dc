#include "instantiate.hpp"

template void nabla::cli::registry::fill<float, 1>(std::span<Operations<float>>);
