#include "pack_functions.hpp"

#include "../shared_library.hpp"

namespace nabla::formula {

namespace {

struct Name {
  Op op;
  const char* name;
  const char* accuracy;  // in tenths of an ulp
};
constexpr Name names[] = {
    {Op::cbrt, "cbrt", "u10"},   {Op::exp, "exp", "u10"},     {Op::expm1, "expm1", "u10"}, {Op::log, "log", "u10"},
    {Op::log1p, "log1p", "u10"}, {Op::log2, "log2", "u10"},   {Op::log10, "log10", "u10"}, {Op::sin, "sin", "u10"},
    {Op::cos, "cos", "u10"},     {Op::tan, "tan", "u10"},     {Op::asin, "asin", "u10"},   {Op::acos, "acos", "u10"},
    {Op::atan, "atan", "u10"},   {Op::sinh, "sinh", "u10"},   {Op::cosh, "cosh", "u10"},   {Op::tanh, "tanh", "u10"},
    {Op::asinh, "asinh", "u10"}, {Op::acosh, "acosh", "u10"}, {Op::atanh, "atanh", "u10"}, {Op::erf, "erf", "u10"},
    {Op::erfc, "erfc", "u15"},   {Op::power, "pow", "u10"},   {Op::atan2, "atan2", "u10"}, {Op::hypot, "hypot", "u05"}};

/// "Sleef_finz_sind8_u10avx512f"; the finz variants give the same bits at every width.
std::string symbol(const Name& name, bool f32, int pack_bytes) {
  const int lanes = pack_bytes / (f32 ? 4 : 8);
  const char* const extension = pack_bytes == 64 ? "avx512f" : pack_bytes == 32 ? "avx2" : "avx2128";
  return std::string("Sleef_finz_") + name.name + (f32 ? "f" : "d") + std::to_string(lanes) + "_" + name.accuracy +
         extension;
}

struct Loaded {
  PackFunctions functions[2][3];  // f64, f32; 16, 32, 64 bytes
  bool there[3] = {};
  std::string missing;
};

bool processor_has(int pack_bytes) {
#if defined(__x86_64__)
  if (pack_bytes == 64) return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0;
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
#else
  static_cast<void>(pack_bytes);
  return false;
#endif
}

Loaded load() {
  Loaded loaded;
  if (!processor_has(16)) {
    loaded.missing = "the processor has no AVX2 with FMA";
    return loaded;
  }
  const SharedLibrary sleef({NABLA_SLEEF_LIBRARY, "libsleef.so.3"});
  if (!sleef.missing.empty()) {
    loaded.missing = sleef.missing;
    return loaded;
  }
  for (int w = 0; w < 3; ++w) {
    const int pack_bytes = 16 << w;
    if (!processor_has(pack_bytes)) continue;
    loaded.there[w] = true;
    for (const bool f32 : {false, true}) {
      PackFunctions& functions = loaded.functions[f32 ? 1 : 0][w];
      const auto find = [&](const Name& name) {
        void* const found = sleef.symbol(symbol(name, f32, pack_bytes).c_str());
        if (found == nullptr) loaded.there[w] = false;
        return found;
      };
      for (const Name& name : names) functions.of[static_cast<std::size_t>(name.op)] = find(name);
      functions.sincos = find({Op::sin, "sincos", "u10"});
    }
  }
  if (!loaded.there[1] && !loaded.there[2]) loaded.missing = "libsleef lacks the variants for AVX2 with FMA";
  return loaded;
}

/// Never destroyed: formulas may outlive it.
const Loaded& loaded() {
  static const auto* const once = new Loaded(load());
  return *once;
}

constexpr int place(int pack_bytes) { return pack_bytes == 64 ? 2 : pack_bytes == 32 ? 1 : 0; }

}  // namespace

const PackFunctions* pack_functions(bool f32, int pack_bytes) {
  const Loaded& all = loaded();
  return all.there[place(pack_bytes)] ? &all.functions[f32 ? 1 : 0][place(pack_bytes)] : nullptr;
}

int widest_pack_bytes() {
  for (const int bytes : {64, 32}) {
    if (loaded().there[place(bytes)]) return bytes;
  }
  return 0;
}

std::string why_no_pack_functions() { return loaded().missing; }

}  // namespace nabla::formula
