#include "instantiate.hpp"

template void nabla::cli::registry::fill<double, 3>(std::span<Operations<double>>);
