#include "machine_code.hpp"

#include "pack_functions.hpp"
#include "translate.hpp"

#include <mutex>

namespace nabla::formula {

namespace {

/// Takes LLVM's message over; empty: no error.
std::string message(LLVMErrorRef error) {
  if (error == nullptr) return "";
  char* const text = llvm().GetErrorMessage(error);
  std::string copy = text;
  llvm().DisposeErrorMessage(text);
  return copy;
}

/// The one compiler of this process. It is never destroyed: formulas may outlive whatever would destroy it.
struct Compiler {
  std::string missing;
  LLVMTargetMachineRef target = nullptr;
  LLVMOrcLLJITRef jit = nullptr;
  std::mutex compiling;  // guards LLVM's passes and code generator, which share `target`

  LLVMTargetMachineRef make_target(const Llvm& api, const char* triple) {
    LLVMTargetRef found = nullptr;
    char* why = nullptr;
    if (api.GetTargetFromTriple(triple, &found, &why) != 0) {
      missing = why;
      api.DisposeMessage(why);
      return nullptr;
    }
    char* const processor = api.GetHostCPUName();
    char* const features = api.GetHostCPUFeatures();
    const LLVMTargetMachineRef made = api.CreateTargetMachine(
        found, triple, processor, features, LLVMCodeGenLevelDefault, LLVMRelocDefault, LLVMCodeModelJITDefault);
    api.DisposeMessage(processor);
    api.DisposeMessage(features);
    if (made == nullptr) missing = "LLVM has no code generator for this processor";
    return made;
  }

  Compiler() {
    missing = why_no_pack_functions();
    if (!missing.empty()) return;
    const Llvm& api = llvm();
    missing = api.missing;
    if (!missing.empty()) return;
    char* const triple = api.GetDefaultTargetTriple();
    target = make_target(api, triple);
    const LLVMTargetMachineRef given_away = missing.empty() ? make_target(api, triple) : nullptr;
    api.DisposeMessage(triple);
    if (given_away == nullptr) return;
    const LLVMOrcLLJITBuilderRef builder = api.OrcCreateLLJITBuilder();
    api.OrcLLJITBuilderSetJITTargetMachineBuilder(builder,
                                                  api.OrcJITTargetMachineBuilderCreateFromTargetMachine(given_away));
    missing = message(api.OrcCreateLLJIT(&jit, builder));
  }
};

Compiler& compiler() {
  static auto* const once = new Compiler;
  return *once;
}

/// Slots into registers, addresses that do not change out of the loop. Arithmetic is left as it is.
constexpr char passes[] = "function(mem2reg,early-cse,loop-mssa(licm))";

}  // namespace

std::string why_no_machine_code() { return compiler().missing; }

std::string machine_code_maker() { return "LLVM " NABLA_LLVM_MAJOR " with SLEEF"; }

template <class T>
int machine_lanes() {
  return widest_pack_bytes() / static_cast<int>(sizeof(T));
}
template int machine_lanes<float>();
template int machine_lanes<double>();

MachineCode::~MachineCode() {
  const Llvm& api = llvm();
  const std::lock_guard lock(compiler().compiling);
  auto* const held = static_cast<LLVMOrcResourceTrackerRef>(tracker);
  message(api.OrcResourceTrackerRemove(held));
  api.OrcReleaseResourceTracker(held);
}

template <class T>
std::unique_ptr<const MachineCode> make_machine_code(const Program& program, const detail::Rows& rows) {
  Compiler& with = compiler();
  if (!with.missing.empty() || program.instructions.size() > most_compiled_instructions) return nullptr;
  const Llvm& api = llvm();
  const std::lock_guard lock(with.compiling);
  const LLVMOrcThreadSafeContextRef context = api.OrcCreateNewThreadSafeContext();
  const LLVMModuleRef module =
      translate<T>(api.OrcThreadSafeContextGetContext(context), program, rows, widest_pack_bytes());
  static int made = 0;
  const std::string name = "tile" + std::to_string(made++);
  api.SetValueName2(api.GetNamedFunction(module, "tile"), name.c_str(), name.size());
  const LLVMPassBuilderOptionsRef options = api.CreatePassBuilderOptions();
  std::string failed = message(api.RunPasses(module, passes, with.target, options));
  api.DisposePassBuilderOptions(options);
  const LLVMOrcThreadSafeModuleRef owned = api.OrcCreateNewThreadSafeModule(module, context);
  api.OrcDisposeThreadSafeContext(context);  // the module keeps it
  const LLVMOrcJITDylibRef library = api.OrcLLJITGetMainJITDylib(with.jit);
  const LLVMOrcResourceTrackerRef tracker = api.OrcJITDylibCreateResourceTracker(library);
  failed += message(api.OrcLLJITAddLLVMIRModuleWithRT(with.jit, tracker, owned));
  LLVMOrcExecutorAddress address = 0;
  if (failed.empty()) failed = message(api.OrcLLJITLookup(with.jit, &address, name.c_str()));
  if (!failed.empty()) {
    message(api.OrcResourceTrackerRemove(tracker));
    api.OrcReleaseResourceTracker(tracker);
    return nullptr;
  }
  // LLVM's addresses are numbers. NOLINTNEXTLINE(performance-no-int-to-ptr)
  return std::make_unique<const MachineCode>(reinterpret_cast<void*>(address), tracker);
}
template std::unique_ptr<const MachineCode> make_machine_code<float>(const Program&, const detail::Rows&);
template std::unique_ptr<const MachineCode> make_machine_code<double>(const Program&, const detail::Rows&);

}  // namespace nabla::formula
