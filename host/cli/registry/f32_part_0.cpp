#include "instantiate.hpp"

template void nabla::cli::registry::fill<float, 0>(std::span<Operations<float>>);
