#include "../../host/formula/compile.hpp"
#include "../../host/formula/interpret.hpp"
#include "../../host/formula/print.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

// Any text at all is either a formula, which then is differentiated, printed and evaluated, or refused with a
// FormulaError that names a place in it.

namespace {

using namespace nabla::formula;
using X = nabla::Lanes<double>;

void require(bool condition) {
  if (!condition) std::abort();
}

void evaluate(const Program& program, std::int64_t n) {
  if (program.instructions.size() > 20'000 || program.rows > 1'000) return;
  constexpr std::int64_t width = X::size;
  for (const Loop& loop : program.loops) {  // time is bounded, but not by much
    if (loop.upper.constant - loop.lower.constant > 50 || loop.upper.terms != 0) return;
  }
  const std::vector<double> in(static_cast<std::size_t>(2 * n * width), 0.5);
  std::vector<double> results(static_cast<std::size_t>(program.rows * width));
  nabla::detail::Tile<double> tile{};
  tile.count = width;
  tile.dimension = n;
  tile.in = tile.extra = in.data();
  tile.in_stride = tile.extra_stride = tile.out_stride[0] = width;
  tile.out[0] = results.data();
  const nabla::detail::PackOutput<X, double> out({{program.rows, 0, 0}}, tile);
  const std::vector<double> parameters(2, 1.5);
  interpret<double>(program, parameters, out, tile, 0, width);
}

void use(const std::string& text, const std::vector<std::string>& parameters) {
  const Syntax syntax = parse(text, {}, parameters);
  const std::int64_t n = syntax.indexed ? 5 : static_cast<std::int64_t>(syntax.variables.size());
  require(n >= 1 && !syntax.outputs.empty());
  if (n > 64) return;
  for (const std::int64_t written : {few_terms, std::int64_t{0}}) {
    evaluate(compile(syntax, Task::value, n, written), n);
    evaluate(compile(syntax, Task::gradient, n, written), n);
    evaluate(compile(syntax, Task::hessian_product, n, written), n);
  }
  const Lowered lowered = lower(syntax, n);
  print(lowered.graph, lowered.outputs.front(), syntax, nabla::Notation::text);
  print(lowered.graph, lowered.outputs.front(), syntax, nabla::Notation::latex);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  for (const auto& parameters : {std::vector<std::string>{}, {"a"}}) {
    try {
      use(text, parameters);
    } catch (const nabla::FormulaError& error) {
      const std::string message = error.what();
      require(!message.empty() && message.size() < 2'000);
    }
  }
  return 0;
}
