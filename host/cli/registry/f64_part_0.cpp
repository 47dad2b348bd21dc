#include "instantiate.hpp"

template void nabla::cli::registry::fill<double, 0>(std::span<Operations<double>>);
