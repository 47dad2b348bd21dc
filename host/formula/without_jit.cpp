#include "jit/machine_code.hpp"
#include "jit/pack_functions.hpp"

// Formulas in builds without LLVM: the interpreter runs them, with the library's own elementary functions.

namespace nabla::formula {

const PackFunctions* pack_functions(bool, int) { return nullptr; }
int widest_pack_bytes() { return 0; }
std::string why_no_pack_functions() { return why_no_machine_code(); }

std::string why_no_machine_code() { return "nabla was built without LLVM"; }
std::string machine_code_maker() { return ""; }
template <class T>
int machine_lanes() {
  return 0;
}
template int machine_lanes<float>();
template int machine_lanes<double>();
MachineCode::~MachineCode() = default;
template <class T>
std::unique_ptr<const MachineCode> make_machine_code(const Program&, const detail::Rows&) {
  return nullptr;
}
template std::unique_ptr<const MachineCode> make_machine_code<float>(const Program&, const detail::Rows&);
template std::unique_ptr<const MachineCode> make_machine_code<double>(const Program&, const detail::Rows&);

}  // namespace nabla::formula
