#include "instantiate.hpp"

template void nabla::cli::registry::fill<double, 2>(std::span<Operations<double>>);
