#include "instantiate.hpp"

template void nabla::cli::registry::fill<float, 2>(std::span<Operations<float>>);
