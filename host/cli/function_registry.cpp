#include "function_registry.hpp"

#include "status.hpp"

#include "../nearest.hpp"

#include <fmt/format.h>

#include <nabla/functions.hpp>

#include <tuple>
#include <utility>

namespace nabla::cli {

namespace {

template <class T, int... Part>
std::vector<Operations<T>> all_operations(std::integer_sequence<int, Part...>) {
  std::vector<Operations<T>> operations(std::tuple_size_v<functions::All>);
  (registry::fill<T, Part>(operations), ...);
  return operations;
}

std::vector<BuiltInFunction> make_functions() {
  const auto parts = std::make_integer_sequence<int, registry::parts>();
  const auto f32 = all_operations<float>(parts);
  const auto f64 = all_operations<double>(parts);
  std::vector<BuiltInFunction> made;
  functions::for_each([&]<class F>(const F&) {
    const std::size_t k = made.size();
    made.push_back({F::info, [](std::int64_t n) -> double { return F{}.minimum_value(n); },
                    [](std::int64_t n) { return F{}.minimizer(n); }, f32[k], f64[k]});
  });
  return made;
}

}  // namespace

std::span<const BuiltInFunction> built_in_functions() {
  static const std::vector<BuiltInFunction> made = make_functions();
  return made;
}

const BuiltInFunction& find_function(std::string_view argument, std::string_view name) {
  std::vector<std::string> names;
  for (const BuiltInFunction& function : built_in_functions()) {
    if (function.info.name == name) return function;
    names.emplace_back(function.info.name);
  }
  throw UsageError(fmt::format("{}: unknown function '{}'; did you mean '{}'? 'nabla functions' lists them all",
                               argument, name, detail::nearest(name, names)));
}

}  // namespace nabla::cli
