#include "instantiate.hpp"

template void nabla::cli::registry::fill<double, 1>(std::span<Operations<double>>);
