#include "instantiate.hpp"

template void nabla::cli::registry::fill<float, 3>(std::span<Operations<float>>);
