#pragma once

#include "../program.hpp"
#include "llvm_api.hpp"

#include <nabla/detail/cpu_tile.hpp>

namespace nabla::formula {

/// A module with one function `tile`, a TileCode<T>, that runs the program over packs of `pack_bytes`.
template <class T>
LLVMModuleRef translate(LLVMContextRef context, const Program& program, const detail::Rows& rows, int pack_bytes);

}  // namespace nabla::formula
