#include "llvm_api.hpp"

#include "../shared_library.hpp"

namespace nabla::formula {

namespace {

Llvm load() {
  Llvm api;
  const SharedLibrary library(
      {NABLA_LLVM_LIBRARY, "libLLVM-" NABLA_LLVM_MAJOR ".so.1", "libLLVM.so." NABLA_LLVM_MAJOR "." NABLA_LLVM_MINOR});
  api.missing = library.missing;
  if (!api.missing.empty()) return api;
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(library.symbol(name));
    if (function == nullptr && api.missing.empty()) api.missing = std::string("libLLVM has no ") + name;
  };
#define NABLA_FIND(name) find(api.name, "LLVM" #name);
  NABLA_LLVM_FUNCTIONS(NABLA_FIND)
#undef NABLA_FIND
  if (!api.missing.empty()) return api;
  api.InitializeX86TargetInfo();
  api.InitializeX86Target();
  api.InitializeX86TargetMC();
  api.InitializeX86AsmPrinter();
  return api;
}

}  // namespace

const Llvm& llvm() {
  static const auto* const once = new Llvm(load());  // never destroyed: formulas may outlive it
  return *once;
}

}  // namespace nabla::formula
